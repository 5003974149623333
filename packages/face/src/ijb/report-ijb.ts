import { join } from 'node:path';
import { countedHistogramChart } from '@headshare/core/report/histogram-chart';
import { drawPicture } from '@headshare/core/report/picture';
import { detChart, rocChart } from '@headshare/core/report/roc-chart';
import { csvTable, markdownTable, type Table } from '@headshare/core/report/table';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { writeAtomically } from '@headshare/core/system/write-atomically';
import { type SetName, setTitles } from './meta/sets';
import { type IjbResult, ijbFars } from './protocol/ijb-result';
import { publishedIjbc } from './published-ijbc';

/** A model's result and its name in tables and charts. */
export interface NamedIjbResult {
  readonly name: string;
  readonly result: IjbResult;
}

/** Writes everything measured as JSON, arrays of numbers as lists. */
export function writeResults(file: string, measured: object): void {
  const plainArrays = (_: string, value: unknown) => (value instanceof Float64Array ? [...value] : value);
  writeAtomically(file, [`${JSON.stringify(measured, plainArrays, 1)}\n`]);
}

/** TAR at FAR of each model and, for IJB-C, of published ones. */
export function ijbTable(results: readonly NamedIjbResult[], set: SetName): Table {
  const published = set === 'ijbc' ? publishedIjbc : [];
  const fewest = Math.min(...results.map(({ result }) => result.counts.impostor));
  return {
    columns: [
      { title: 'model' },
      { title: 'trained on' },
      ...ijbFars.map((far) => ({ title: far, percent: true })),
      { title: 'from' },
    ],
    rows: [
      ...results.map(({ name, result }) => [
        name,
        undefined,
        ...ijbFars.map((far) => (result.tarAtFar[far].measurable ? result.tarAtFar[far].tar : undefined)),
        'here',
      ]),
      ...published.map(({ method, model, trainedOn, tar, source }) => [
        `${model}, ${method}`,
        trainedOn,
        ...ijbFars.map((far) => tar[far]),
        source,
      ]),
    ],
    notes: [
      `${setTitles[set]}, 1:1: TAR at the point of the ROC curve nearest to each FAR, by insightface's rule.`,
      ...(ijbFars.some((far) => results.some(({ result }) => !result.tarAtFar[far].measurable))
        ? [`Rates that need more than ${fewest} impostor pairs are left out.`]
        : []),
    ],
  };
}

/**
 * Writes table, curves and score histograms into the folder: `ijb-c-table.md` and `.csv`; `ijb-c-roc`, `ijb-c-det` and
 * for each model `ijb-c-scores...`, each as `.svg` and `.png`; `ijb-c-roc.csv` with the curves' points.
 * @returns the names of the files, and the table for the terminal
 */
export async function reportIjb(
  results: readonly NamedIjbResult[],
  set: SetName,
  folder: string,
): Promise<{ files: string[]; summary: string }> {
  const table = ijbTable(results, set);
  const title = setTitles[set];
  const prefix = title.toLowerCase();
  const curves = results.map(({ name, result }) => ({ name, ...result.roc }));
  const first = results[0]?.result.counts;
  const subtitle =
    first && `${first.genuine} genuine and ${first.impostor} impostor pairs of ${first.templates} templates`;
  const text = (content: string) => ({ title: `${title}: ${content}`, ...(subtitle && { subtitle }) });
  // Models' names are free text, which file names may not be: histograms are numbered.
  const scoresName = (index: number) => (results.length === 1 ? 'scores' : `scores-${index + 1}`);
  const charts = {
    roc: rocChart({ ...text('true against false accepts'), curves }),
    det: detChart({ ...text('false rejects against false accepts'), curves }),
    ...Object.fromEntries(results.map((one, i) => [scoresName(i), scoresChart(one, title)])),
  };
  const files: [name: string, content: string | Buffer][] = [
    [`${prefix}-table.md`, markdownTable(table)],
    [`${prefix}-table.csv`, csvTable(table)],
    [`${prefix}-roc.csv`, csvTable(curveTable(curves))],
  ];
  for (const [name, chart] of Object.entries(charts)) {
    const { svg, png } = await drawPicture(chart);
    files.push([`${prefix}-${name}.svg`, svg], [`${prefix}-${name}.png`, png]);
  }
  for (const [name, content] of files) writeAtomically(join(folder, name), [content]);
  return { files: files.map(([name]) => name), summary: terminalTable(table) };
}

function scoresChart({ name, result }: NamedIjbResult, title: string) {
  const { low, high, genuine, impostor } = result.histogram;
  return countedHistogramChart({
    title: `${title}: scores of ${name}`,
    subtitle: `${result.counts.genuine} genuine and ${result.counts.impostor} impostor pairs`,
    x: 'cosine of two templates',
    low,
    high,
    series: [
      { name: 'genuine', counts: genuine },
      { name: 'impostor', counts: impostor },
    ],
  });
}

function curveTable(curves: readonly ({ name: string } & IjbResult['roc'])[]): Table {
  return {
    columns: [{ title: 'model' }, { title: 'far' }, { title: 'tar' }, { title: 'threshold' }],
    rows: curves.flatMap(({ name, far, tar, thresholds }) =>
      Array.from(far, (rate, i) => [name, rate, tar[i] as number, thresholds[i] as number]),
    ),
  };
}
