import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TopLevelSpec } from 'vega-lite';
import { comparisonChart } from '../../report/comparison-chart';
import { histogramChart } from '../../report/histogram-chart';
import { lineChart } from '../../report/line-chart';
import { sizeChart } from '../../report/size-chart';
import { summarise } from '../../report/statistics';
import { cosinesFile } from '../draw-heads';
import { byRow, type ComparedRun, type ComparisonLayout, mainColumn, seedCounts, valuesOf } from './compared-run';
import { learningCurves } from './learning-curves';

/** The row whose mean is a line in the comparison's chart. */
const reference = 'teacher';

/** The charts of a comparison for which its runs have data, by file name without extension. */
export async function comparisonCharts(
  runs: readonly ComparedRun[],
  layout: ComparisonLayout,
): Promise<Readonly<Record<string, TopLevelSpec>>> {
  const main = mainColumn(layout);
  const { title } = layout;
  const seeds = seedCounts(runs);
  const scale = main.percent ? 100 : 1;
  const label = main.percent ? `${main.title} (%)` : main.title;
  const subtitle = (explanation: string): string => (seeds.most === 1 ? seeds.text : `${seeds.text}; ${explanation}`);
  const rows = [...byRow(runs)];
  const among = rows.map(([name]) => name);
  const curves = await learningCurves(runs, main.metric, scale);
  const cosines = rows.flatMap(([name, ofRow]) => {
    const values = ofRow.flatMap(({ folder }) => readCosines(folder));
    return values.length > 0 ? [{ name, values }] : [];
  });
  return {
    comparison: sideBySide(runs, layout, subtitle('dots are seeds, diamonds means with their 95 % interval')),
    ...(curves.length > 0 && {
      'learning-curves': lineChart({
        title: `${title}: ${main.title} by epoch`,
        subtitle: subtitle('mean and its 95 % interval'),
        x: 'epoch',
        y: label,
        series: curves,
        among,
      }),
    }),
    size: sizeChart({
      title: `${title}: ${main.title} against size`,
      subtitle: subtitle('mean and its 95 % interval'),
      y: label,
      points: rows.flatMap(([name, ofRow]) => {
        const values = valuesOf(ofRow, main.metric).map((value) => scale * value);
        const [first] = ofRow;
        if (values.length === 0 || first === undefined) return [];
        const { parameters, network } = first;
        return [{ name, parameters, multiplyAdds: layout.multiplyAdds(network), ...summarise(values) }];
      }),
    }),
    ...(cosines.length > 0 && {
      'head-cosines': histogramChart({
        title: "The students' class vectors against their teachers'",
        subtitle: `cosines of all classes, ${seeds.text.toLowerCase()}`,
        x: 'cosine',
        series: cosines,
        bins: 40,
        among,
        domain: cosineRange(cosines.flatMap(({ values }) => values)),
      }),
    }),
    ...(await layout.charts?.(runs)),
  };
}

/** Methods side by side, a panel for each of the metrics in `chartMetrics`. */
function sideBySide(runs: readonly ComparedRun[], layout: ComparisonLayout, subtitle: string): TopLevelSpec {
  const rows = byRow(runs);
  const among = [...rows.keys()];
  const methods = among.filter((row) => row !== reference);
  const panels = layout.columns
    .filter(({ metric }) => layout.chartMetrics.includes(metric))
    .flatMap(({ metric, title, percent }) => {
      const all = methods.map((row) => [row, valuesOf(rows.get(row) ?? [], metric)] as const);
      const values = Object.fromEntries(all.filter(([, ofRow]) => ofRow.length > 0));
      if (Object.keys(values).length === 0) return [];
      const ofTeacher = valuesOf(rows.get(reference) ?? [], metric);
      const line = ofTeacher.length > 0 ? { label: reference, value: summarise(ofTeacher).mean } : undefined;
      return [{ title, metric: title, percent, values, ...(line && { reference: line }) }];
    });
  return comparisonChart({ title: layout.title, subtitle, methods, panels, among });
}

function readCosines(folder: string): readonly number[] {
  const file = join(folder, cosinesFile);
  if (!existsSync(file)) return [];
  const read: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return Array.isArray(read) ? read.filter((value) => typeof value === 'number') : [];
}

/** The range of the cosines, to tenths, since they may fill a small part of -1..1. */
function cosineRange(values: readonly number[]): readonly [low: number, high: number] {
  const [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [1, -1]);
  return [Math.floor(10 * low) / 10, Math.min(1, Math.floor(10 * high + 1) / 10)];
}
