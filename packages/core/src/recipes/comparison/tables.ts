import { comparePaired, type Summary, summarise } from '../../report/statistics';
import type { Cell, Column, Table } from '../../report/table';
import { byRow, type ComparedRun, type ComparisonLayout, mainColumn, seedCounts, valuesOf } from './compared-run';

const cell = (values: readonly number[]): Summary | undefined => (values.length > 0 ? summarise(values) : undefined);

/** The networks over their seeds: sizes, the main metric with its interval and best epoch, the other metrics. */
export function resultsTable(runs: readonly ComparedRun[], layout: ComparisonLayout): Table {
  const main = mainColumn(layout);
  const others = layout.columns.filter(({ metric }) => metric !== main.metric);
  const published = runs.some((run) => run.published !== undefined);
  const seeds = seedCounts(runs);
  const chosenOn = [...new Set(runs.map(({ selectedOn }) => selectedOn))].filter((on) => on !== 'last');
  const style = { digits: main.digits, percent: main.percent };
  const missing = seeds.least === seeds.most ? '' : ': some runs are not there';
  const note =
    seeds.most === 1
      ? 'One seed.'
      : `Mean ± standard deviation over ${seeds.text}${missing}; the mean's interval by Student's t.`;
  return {
    columns: [
      { title: layout.title },
      { title: 'parameters', digits: 0 },
      { title: 'multiply-adds, M' },
      main,
      ...(seeds.most > 1 ? [{ title: '95 % interval' }] : []),
      ...(chosenOn.length > 0 ? [{ ...style, title: `best epoch, by ${chosenOn.join(' or ')}` }] : []),
      ...(published ? [{ ...style, title: 'published' }] : []),
      ...others,
    ],
    rows: [...byRow(runs)].map(([row, ofRow]) => {
      const [{ parameters, network, published: theirs }] = ofRow as readonly [ComparedRun];
      const last = cell(valuesOf(ofRow, main.metric));
      return [
        row,
        parameters,
        layout.multiplyAdds(network) / 1e6,
        last,
        ...(seeds.most > 1 ? [intervalText(last, main)] : []),
        ...(chosenOn.length > 0 ? [cell(valuesOf(ofRow, main.metric, 'best'))] : []),
        ...(published ? [theirs] : []),
        ...others.map(({ metric }) => cell(valuesOf(ofRow, metric))),
      ];
    }),
    notes: [note, ...layout.notes],
  };
}

/** Differences of the main metric by seed, with p of the paired t-test; undefined without two seeds in common. */
export function differencesTable(runs: readonly ComparedRun[], layout: ComparisonLayout): Table | undefined {
  const main = mainColumn(layout);
  const rows = byRow(runs);
  const bySeed = (row: string) => new Map((rows.get(row) ?? []).map((run) => [run.seed, run.metrics[main.metric]]));
  const cells = [...layout.baselines].flatMap(([row, others]) =>
    others.flatMap((other): Cell[][] => {
      const second = bySeed(other);
      const pairs = [...bySeed(row)].flatMap(([seed, a]) => {
        const b = second.get(seed);
        // JSON has null for the metrics of a training that diverged.
        return Number.isFinite(a) && Number.isFinite(b) ? [[a as number, b as number] as const] : [];
      });
      if (pairs.length < 2) return [];
      const { difference, p = Number.NaN } = comparePaired(
        pairs.map(([a]) => a),
        pairs.map(([, b]) => b),
      );
      return [[`${row} − ${other}`, difference, intervalText(difference, main), p < 1e-4 ? '<0.0001' : p]];
    }),
  );
  if (cells.length === 0) return undefined;
  return {
    columns: [
      { title: 'difference by seed' },
      { ...main },
      { title: '95 % interval' },
      { title: 'p (paired t-test)', digits: 4 },
    ],
    rows: cells,
    notes: cells.length > 1 ? [`p of ${cells.length} tests, none corrected for the others.`] : [],
  };
}

/** Every metric of every row, after the last epoch and of the best: count, mean, standard deviation and interval. */
export function summaryTable(runs: readonly ComparedRun[], { columns, title }: ComparisonLayout): Table {
  const rows = [...byRow(runs)].flatMap(([row, ofRow]) =>
    columns.flatMap(({ metric }) =>
      (['metrics', 'best'] as const).flatMap((of): Cell[][] => {
        const values = valuesOf(ofRow, metric, of);
        if (values.length === 0) return [];
        const { count, mean, std, interval } = summarise(values);
        return [[row, metric, of === 'best' ? 'best' : 'last', count, mean, std, interval?.[0], interval?.[1]]];
      }),
    ),
  );
  const titles = [title, 'metric', 'epoch', 'seeds', 'mean', 'standard deviation', '95 % low', '95 % high'];
  return { columns: titles.map((name) => ({ title: name })), rows };
}

/** A row for each run. @param shown a folder as the table shows it */
export function runsTable(
  runs: readonly ComparedRun[],
  layout: ComparisonLayout,
  shown: (folder: string) => string,
): Table {
  const main = mainColumn(layout);
  return {
    columns: [
      { title: 'network' },
      { title: 'seed', digits: 0 },
      { title: 'parameters', digits: 0 },
      ...layout.columns,
      { ...main, title: `best ${main.title}` },
      { title: 'best epoch', digits: 0 },
      { title: 'folder' },
      { title: 'MLflow' },
    ],
    rows: runs.map(({ row, seed, parameters, metrics, best, bestEpoch, folder, address }) => [
      row,
      seed,
      parameters,
      ...layout.columns.map(({ metric }) => metrics[metric]),
      best[main.metric],
      bestEpoch,
      shown(folder),
      address,
    ]),
  };
}

function intervalText(summary: Summary | undefined, { digits = 2, percent }: Column): string | undefined {
  return summary?.interval?.map((end) => ((percent ? 100 : 1) * end).toFixed(digits)).join(' to ');
}
