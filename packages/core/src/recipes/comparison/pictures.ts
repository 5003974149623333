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

/** The charts of a comparison that its runs have something for, by file name without extension. */
export async function comparisonCharts(
  runs: readonly ComparedRun[],
  layout: ComparisonLayout,
): Promise<Readonly<Record<string, TopLevelSpec>>> {
  const main = mainColumn(layout);
  const { title } = layout;
  const seeds = seedCounts(runs);
  const scale = main.percent ? 100 : 1;
  const label = main.percent ? `${main.title} (%)` : main.title;
  const over = (what: string): string => (seeds.most === 1 ? seeds.text : `${seeds.text}; ${what}`);

  const among = [...byRow(runs).keys()];
  const curves = (await learningCurves(runs, main.metric)).map(({ name, points }) => ({
    name,
    points: points.map(({ x, y, low, high }) => ({
      x,
      y: scale * y,
      ...(low !== undefined && high !== undefined && { low: scale * low, high: scale * high }),
    })),
  }));
  const cosines = [...byRow(runs)].flatMap(([name, ofRow]) => {
    const values = ofRow.flatMap(({ folder }) => readCosines(folder));
    return values.length > 0 ? [{ name, values }] : [];
  });
  return {
    comparison: side(runs, layout, over('dots are seeds, diamonds means with their 95 % interval')),
    ...(curves.length > 0 && {
      'learning-curves': lineChart({
        title: `${title}: ${main.title} by epoch`,
        subtitle: over('mean and its 95 % interval'),
        x: 'epoch',
        y: label,
        series: curves,
        wholeX: true,
        among,
      }),
    }),
    size: sizeChart({
      title: `${title}: ${main.title} against size`,
      subtitle: over('mean and its 95 % interval'),
      y: label,
      points: [...byRow(runs)].flatMap(([name, ofRow]) => {
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

/** Methods side by side, on each of the metrics of `chartMetrics`. */
function side(runs: readonly ComparedRun[], layout: ComparisonLayout, subtitle: string): TopLevelSpec {
  const rows = byRow(runs);
  const methods = [...rows.keys()].filter((row) => row !== layout.reference);
  const panels = layout.columns
    .filter(({ metric }) => layout.chartMetrics.includes(metric))
    .flatMap(({ metric, title, percent }) => {
      const present = methods.filter((row) => valuesOf(rows.get(row) ?? [], metric).length > 0);
      const reference = valuesOf(rows.get(layout.reference) ?? [], metric);
      if (present.length === 0) return [];
      return [
        {
          title,
          metric: title,
          percent,
          values: Object.fromEntries(present.map((row) => [row, valuesOf(rows.get(row) ?? [], metric)])),
          ...(reference.length > 0 && { reference: { label: layout.reference, value: summarise(reference).mean } }),
        },
      ];
    });
  return comparisonChart({ title: layout.title, subtitle, methods, panels, among: [...rows.keys()] });
}

function readCosines(folder: string): readonly number[] {
  const file = join(folder, cosinesFile);
  if (!existsSync(file)) return [];
  const read: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return Array.isArray(read) ? read.filter((value) => typeof value === 'number') : [];
}

/** Cosines may fill a small part of -1..1: to tenths around them. */
function cosineRange(values: readonly number[]): readonly [low: number, high: number] {
  const [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [1, -1]);
  return [Math.floor(10 * low) / 10, Math.min(1, Math.floor(10 * high + 1) / 10)];
}
