/** RepDistiller's table for CIFAR-100, or a part of it: networks trained here beside the published numbers. */
import { join } from 'node:path';
import type { ComparedRun } from '@headshare/core/recipes/comparison/compared-run';
import { summarise } from '@headshare/core/report/statistics';
import { csvTable, markdownTable, type Table } from '@headshare/core/report/table';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { writeAtomically } from '@headshare/core/system/write-atomically';
import type { SelectOn } from '@headshare/core/train/evaluation/task';
import { type PublishedPair, pairName } from './published-cifar100';

/** One row of the table: a network of a pair, trained in one way. */
export interface TableRow {
  readonly pair: PublishedPair;
  /** `teacher`, `student`, or the method of a distilled student. */
  readonly by: string;
  /** Top-1 of each seed after the last epoch, as published. */
  readonly last: readonly number[];
  /** Top-1 of each seed at its best epoch, where one was chosen. */
  readonly best?: { readonly on: Exclude<SelectOn, 'last'>; readonly top1: readonly number[] } | undefined;
}

/**
 * Our numbers beside the published ones, with the difference of the means.
 * @param dataset the published numbers appear for cifar100 alone
 */
export function publishedTable(rows: readonly TableRow[], dataset: string): Table {
  const seeds = Math.max(...rows.map(({ last }) => last.length));
  const chosenOn = rows.find(({ best }) => best)?.best?.on;
  return {
    columns: [
      { title: 'teacher / student' },
      { title: 'network' },
      { title: 'top-1', percent: true },
      ...(chosenOn ? [{ title: 'best epoch', percent: true }] : []),
      { title: 'published', percent: true },
      { title: 'difference', percent: true },
    ],
    rows: rows.map(({ pair, by, last, best }) => {
      const published = dataset === 'cifar100' ? pair.top1[by as keyof typeof pair.top1] : undefined;
      const ours = summarise(last);
      const difference = published === undefined ? undefined : ours.mean - published;
      const chosen = best && summarise(best.top1);
      return [pairName(pair), by, ours, ...(chosenOn ? [chosen] : []), published, difference];
    }),
    notes: [
      `${seeds === 1 ? 'One seed' : `Mean ± standard deviation over ${seeds} seeds`}; top-1 of the last epoch, as published.`,
      dataset === 'cifar100'
        ? "Published: RepDistiller's README, mean of several runs, last epoch."
        : `Trained on ${dataset}: the published numbers are CIFAR-100's (profile cifar100).`,
      ...(chosenOn ? [notes[chosenOn]] : []),
    ],
  };
}

const notes = {
  'held-out':
    'Best epoch: accuracy on the test set at the epoch that was best on training images held out of training; the published networks were trained on all.',
  test: 'Best epoch: chosen on the test set itself, so do not publish it.',
};

/** Writes `table.md` and `table.csv` into the run's folder. @returns the run's result */
export async function reportTable(rows: readonly TableRow[], dataset: string, folder: string) {
  const table = publishedTable(rows, dataset);
  writeAtomically(join(folder, 'table.md'), [markdownTable(table)]);
  writeAtomically(join(folder, 'table.csv'), [csvTable(table)]);
  const metrics = Object.fromEntries(
    rows.map(({ pair, by, last }) => [`${pairName(pair)}/${by.replace(/[^\w.-]/g, '_')}`, summarise(last).mean]),
  );
  return { metrics, summary: terminalTable(table), files: ['table.md', 'table.csv'] };
}

/** The rows of a pair, from the runs of its sweep. */
export function rowsOf(pair: PublishedPair, methods: readonly string[], runs: readonly ComparedRun[]): TableRow[] {
  const top1 = (metrics: ComparedRun['metrics']) => metrics.top1 ?? Number.NaN;
  return ['teacher', 'student', ...methods].map((by) => {
    const ofRow = runs.filter(({ row }) => row === (by === 'student' ? 'student alone' : by));
    const on = ofRow[0]?.selectedOn ?? 'last';
    return {
      pair,
      by,
      last: ofRow.map(({ metrics }) => top1(metrics)),
      ...(on !== 'last' && { best: { on, top1: ofRow.map(({ best }) => top1(best)) } }),
    };
  });
}
