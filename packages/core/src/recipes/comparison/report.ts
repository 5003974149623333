/** The report of a comparison: tables, charts and numbers. */
import { join, relative } from 'node:path';
import type { StageResult } from '../../experiment/define';
import type { Options } from '../../experiment/option';
import { rowText } from '../../experiment/sweep/plan-sweep';
import type { NetworkDescription } from '../../nn/network';
import { htmlPage, type Section } from '../../report/html-page';
import { drawPicture } from '../../report/picture';
import { summarise } from '../../report/statistics';
import { csvTable, markdownTable } from '../../report/table';
import { terminalTable } from '../../report/terminal-table';
import { UserError } from '../../system/user-error';
import { writeAtomically } from '../../system/write-atomically';
import { checkpointFiles } from '../../train/checkpoint';
import type { Domain } from '../domain';
import { notesOn } from '../unreadable';
import { comparisonCharts } from './charts';
import { byRow, type ComparedRun, type ComparisonLayout, mainColumn, valuesOf } from './compared-run';
import { rank, titleOf } from './kinds';
import { sameNetworks, underNewNames } from './same-networks';
import { sharedHeadChart } from './shared-head-chart';
import { sharedHeadNotes } from './shared-head-notes';
import type { SweepRecord } from './sweep-record';
import { differencesTable, resultsTable, runsTable, summaryTable } from './tables';
import type { Training } from './training';

export interface ReportRequest extends Pick<ComparisonLayout, 'baselines'> {
  readonly trainings: readonly Training[];
  /** Further lines under the table. */
  readonly notes?: readonly string[];
  /** The folder to write to. */
  readonly folder: string;
}

export interface ComparisonResult extends StageResult {
  /** None for a shard of a sweep. */
  readonly runs: readonly ComparedRun[];
  /** Absent for comparisons of runs that were not trained by one sweep. */
  readonly sweep?: SweepRecord;
}

/** Reports networks side by side, teachers first. @throws UserError without any */
export async function reportTrainings(
  domain: Domain<Options>,
  { trainings, baselines, notes = [], folder }: ReportRequest,
): Promise<ComparisonResult> {
  const { label, columns, benchmarkColumns = [], chartMetrics, published, charts } = domain;
  const [first] = trainings;
  if (first === undefined) throw new UserError('no training has finished: there is nothing to report', 1);
  const alike = sameNetworks(
    trainings.map(({ name, seed, finished }) => ({ name, seed, weights: finished.digests?.[checkpointFiles.last] })),
  );
  const rowOf = (row: string): string => rowText(alike.get(row) ?? { title: row, settings: {} });
  const inOrder = [...trainings].sort((a, b) => rank(a.kind) - rank(b.kind));
  const runs = onePerSeed(
    inOrder.map(({ name, seed, kind, options, finished, folder: of, besideTeacher }): ComparedRun => {
      const { parameters, network, best, bestEpoch, selectedOn, metrics } = finished.result;
      return {
        row: rowOf(rowText(name)),
        seed,
        parameters,
        network,
        best,
        bestEpoch,
        selectedOn,
        folder: of,
        metrics: { ...metrics, ...besideTeacher },
        address: finished.address,
        published: published?.of(titleOf(kind, options), options),
      };
    }),
  );
  const merged = [...new Set([...alike.values()].map(rowText))];
  const layout: ComparisonLayout = {
    title: label,
    // The best epoch of the main metric has its own column.
    columns: [...columns, ...benchmarkColumns].filter(
      ({ metric }) => !metric.startsWith('best/') && runs.some(({ metrics }) => metrics[metric] !== undefined),
    ),
    chartMetrics,
    notes: [
      ...domain.notes(first.options),
      ...unreadableNotes(trainings),
      ...(await sharedHeadNotes(inOrder, ({ name }) => rowOf(rowText(name)), mainColumn(domain))),
      ...merged.map((row) => `${row}: the same networks, bit by bit.`),
      ...(runs.some((run) => run.published !== undefined) && published ? [published.note] : []),
      ...notes,
    ],
    baselines: underNewNames(baselines, rowOf),
    multiplyAdds: await networkMeter(),
    charts: async (those: readonly ComparedRun[]) => {
      const shared = await sharedHeadChart(inOrder, mainColumn(domain), label);
      return { ...(shared && { 'shared-head': shared }), ...(await charts?.(those, first.options)) };
    },
  };
  return writeReport(runs, layout, folder);
}

/** A line for each data set of which images could not be read. */
const unreadableNotes = (trainings: readonly Training[]): readonly string[] => [
  ...new Set(trainings.flatMap(({ finished }) => notesOn(finished.result.unreadable ?? []).map((line) => `${line}.`))),
];

/** One run per row and seed: rows of the same networks have become one. */
function onePerSeed(runs: readonly ComparedRun[]): readonly ComparedRun[] {
  const found = new Map<string, ComparedRun>();
  for (const run of runs) {
    const key = JSON.stringify([run.row, run.seed]);
    if (!found.has(key)) found.set(key, run);
  }
  return [...found.values()];
}

/** A function that measures the multiply-adds of networks, each once. */
async function networkMeter(): Promise<ComparisonLayout['multiplyAdds']> {
  const { measure } = await import('../../nn/measure');
  const known = new Map<string, number>();
  return ({ backbone, inputSize, width, embeddingSize }: NetworkDescription) => {
    const key = JSON.stringify([backbone, inputSize, width, embeddingSize]);
    const size = known.get(key) ?? measure(backbone, { inputSize, width, embeddingSize }).multiplyAdds;
    known.set(key, size);
    return size;
  };
}

const headings: Readonly<Record<string, string>> = {
  comparison: 'Side by side',
  'learning-curves': 'Learning curves',
  size: 'Size',
  'head-cosines': 'Heads of students and teachers',
  'shared-head': "SH-KD and its first student's training",
  roc: 'ROC',
};

/**
 * Writes `report.md` and `report.html`, `summary.csv` (every metric of every row), `runs.csv` (every run), and each chart
 * as SVG and PNG.
 */
async function writeReport(
  runs: readonly ComparedRun[],
  layout: ComparisonLayout,
  folder: string,
): Promise<ComparisonResult> {
  const root = join(folder, '../../../..');
  const results = resultsTable(runs, layout);
  const differences = differencesTable(runs, layout);
  const each = runsTable(runs, layout, (of) => relative(root, of));
  const files = new Map<string, string | Buffer>();
  const sections: Section[] = [{ kind: 'table', title: 'Results', table: results }];
  if (differences) sections.push({ kind: 'table', title: 'Differences', table: differences });
  const images: string[] = [];
  for (const [name, chart] of Object.entries(await comparisonCharts(runs, layout))) {
    const { svg, png } = await drawPicture(chart);
    const title = headings[name] ?? name;
    files.set(`${name}.svg`, svg).set(`${name}.png`, png);
    sections.push({ kind: 'picture', title, svg });
    images.push(`![${title}](${name}.png)\n`);
  }
  sections.push({ kind: 'table', title: 'Runs', table: each });
  const tables = differences ? [results, differences] : [results];
  files
    .set('report.md', [...tables.map(markdownTable), ...images].join('\n'))
    .set('report.html', htmlPage({ title: layout.title, sections }))
    .set('summary.csv', csvTable(summaryTable(runs, layout)))
    .set('runs.csv', csvTable(each));
  for (const [file, content] of files) writeAtomically(join(folder, file), [content]);
  const means = [...byRow(runs)].flatMap(([row, ofRow]) =>
    layout.columns.flatMap(({ metric }) => {
      const values = valuesOf(ofRow, metric);
      return values.length > 0 ? [[`${row.replace(/[^\w.\- ]/g, '')}/${metric}`, summarise(values).mean]] : [];
    }),
  );
  return {
    runs,
    metrics: Object.fromEntries(means),
    summary: tables.map((table) => terminalTable(table)).join('\n\n'),
    files: [...files.keys()],
  };
}
