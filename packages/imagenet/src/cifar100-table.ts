/** RepDistiller's table of CIFAR-100, any part of it, trained here and put beside the published numbers. */
import { join } from 'node:path';
import type { StageOutcome } from '@headshare/core/experiment/define';
import type { NetworkResult } from '@headshare/core/recipes/network-stages';
import { summarise } from '@headshare/core/report/statistics';
import { csvTable, markdownTable, type Table } from '@headshare/core/report/table';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { writeAtomically } from '@headshare/core/system/write-atomically';
import type { SelectOn } from '@headshare/core/train/task';
import { type PublishedPair, pairName } from './published-cifar100';

/** One row of the table: a network of a pair, trained in one way. */
export interface TableRow {
  readonly pair: PublishedPair;
  /** `teacher`, `student`, or what the student was distilled by. */
  readonly by: string;
  /** Top-1 of each seed after the last epoch, which is what is published. */
  readonly last: readonly number[];
  /** Of the epoch that was chosen, where one was, and what on. */
  readonly best?: { readonly on: Exclude<SelectOn, 'last'>; readonly top1: readonly number[] } | undefined;
}

/**
 * Ours beside the published, with the difference of the means.
 * @param dataset what networks learned: the published numbers are CIFAR-100's, and stand beside no other
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
        : `Of ${dataset}: the published numbers are CIFAR-100's (profile cifar100).`,
      ...(chosenOn ? [notes[chosenOn]] : []),
    ],
  };
}

const notes = {
  'held-out':
    'Best epoch: the test set at the epoch that was best on training images held out; the published networks learned those too.',
  test: 'Best epoch: chosen on the test set itself, and no number to publish.',
};

/** Writes `table.md` and `table.csv` into the run's folder. @returns what the terminal shows */
export async function reportTable(rows: readonly TableRow[], dataset: string, folder: string) {
  const table = publishedTable(rows, dataset);
  writeAtomically(join(folder, 'table.md'), [markdownTable(table)]);
  writeAtomically(join(folder, 'table.csv'), [csvTable(table)]);
  const metrics = Object.fromEntries(
    rows.map(({ pair, by, last }) => [`${pairName(pair)}/${by.replace(/[^\w.-]/g, '_')}`, summarise(last).mean]),
  );
  return { metrics, summary: terminalTable(table), files: ['table.md', 'table.csv'] };
}

/** A row of several runs. */
export function rowOf(pair: PublishedPair, by: string, runs: readonly StageOutcome<NetworkResult>[]): TableRow {
  const top1 = (metrics: NetworkResult['metrics']) => metrics.top1 ?? Number.NaN;
  const on = runs[0]?.result.selectedOn ?? 'last';
  return {
    pair,
    by,
    last: runs.map(({ result }) => top1(result.metrics)),
    ...(on !== 'last' && { best: { on, top1: runs.map(({ result }) => top1(result.best)) } }),
  };
}
