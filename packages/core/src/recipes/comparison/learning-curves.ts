import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LinePoint, LineSeries } from '../../report/line-chart';
import { summarise } from '../../report/statistics';
import { readJournal } from '../../tracking/journal/journal';
import { byRow, type ComparedRun } from './compared-run';

/** `scale` times a metric by epoch for each row: the mean over seeds, with its 95 % interval. */
export async function learningCurves(
  runs: readonly ComparedRun[],
  metric: string,
  scale: number,
): Promise<readonly LineSeries[]> {
  const series: LineSeries[] = [];
  for (const [name, ofRow] of byRow(runs)) {
    const curves = await Promise.all(ofRow.map(({ folder }) => readCurve(folder, metric)));
    const points = bandOf(curves.filter((curve) => curve.size > 0)).map(({ x, y, low, high }) => ({
      x,
      y: scale * y,
      ...(low !== undefined && high !== undefined && { low: scale * low, high: scale * high }),
    }));
    if (points.length > 1) series.push({ name, points });
  }
  return series;
}

/** A metric by epoch, from a run's journal; empty for a run from Nx's cache, which has none. */
async function readCurve(folder: string, metric: string): Promise<ReadonlyMap<number, number>> {
  const curve = new Map<number, number>();
  const journal = join(folder, 'journal.jsonl');
  if (!existsSync(journal)) return curve;
  for await (const { event } of readJournal(journal)) {
    if (event.type !== 'metrics') continue;
    const { epoch, [metric]: value } = event.values;
    if (epoch !== undefined && value !== undefined) curve.set(epoch, value);
  }
  return curve;
}

/** The mean curve over the epochs that all curves have: over others it would jump where one of them ends. */
export function bandOf(curves: readonly ReadonlyMap<number, number>[]): readonly LinePoint[] {
  const [first, ...others] = curves;
  if (first === undefined) return [];
  return [...first.keys()]
    .filter((epoch) => others.every((curve) => curve.has(epoch)))
    .sort((a, b) => a - b)
    .flatMap((epoch) => {
      const values = curves.map((curve) => curve.get(epoch) ?? Number.NaN);
      if (!values.every(Number.isFinite)) return [];
      const { mean, interval } = summarise(values);
      return [{ x: epoch, y: mean, ...(interval && { low: interval[0], high: interval[1] }) }];
    });
}
