import type { TopLevelSpec } from 'vega-lite';
import { type Heading, heading, legendPlace, methodColour, methodDash } from './theme';

/** Curves over epochs, each with an optional band (an interval over seeds). */
export interface LineChart extends Heading {
  /** The titles of the axes; x counts in whole numbers. */
  readonly x: string;
  readonly y: string;
  readonly series: readonly LineSeries[];
  /** All names in a report, of which this chart shows some: it keeps each name's colour. */
  readonly among?: readonly string[];
}

export interface LineSeries {
  readonly name: string;
  readonly points: readonly LinePoint[];
}

export interface LinePoint {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

/** A point that is not finite (a diverged epoch) leaves a gap. Averages neighbours in series of over 1000 points. */
export function lineChart({ x, y, series, among, ...text }: LineChart): TopLevelSpec {
  const values = series.flatMap(({ name, points }) => thin(points).map((point) => ({ name, ...point })));
  const names = series.map(({ name }) => name);
  const legend = { orient: legendPlace(names), title: null, symbolOpacity: 1 };
  const dash = methodDash(names, among, { ...legend, symbolType: 'stroke' as const });
  const symbolType = 'strokeDash' in dash ? ('stroke' as const) : ('square' as const);
  const shared = {
    x: {
      field: 'x',
      type: 'quantitative' as const,
      title: x,
      scale: { nice: false, zero: false },
      axis: { grid: false, tickCount: 8, tickMinStep: 1 },
    },
    color: {
      ...methodColour(names, among),
      ...(names.length > 1 ? { legend: { ...legend, symbolType } } : {}),
    },
  };
  const vertical = { type: 'quantitative' as const, title: y, scale: { zero: false } };
  return {
    title: heading(text),
    width: 560,
    height: 300,
    data: { values },
    layer: [
      {
        transform: [{ filter: 'isValid(datum.low) && isValid(datum.high)' }],
        mark: { type: 'area', opacity: series.length > 3 ? 0.1 : 0.18 },
        encoding: { ...shared, y: { field: 'low', ...vertical }, y2: { field: 'high' } },
      },
      {
        mark: { type: 'line', strokeWidth: 2 },
        encoding: { ...shared, ...dash, y: { field: 'y', ...vertical, axis: { tickCount: 6 } } },
      },
    ],
  };
}

const mostPoints = 1000;

function thin(points: readonly LinePoint[]): readonly LinePoint[] {
  const size = Math.ceil(points.length / mostPoints);
  if (size <= 1) return points;
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const group = points.slice(i * size, (i + 1) * size);
    const mean = (pick: (point: LinePoint) => number | undefined) =>
      group.reduce((sum, point) => sum + (pick(point) ?? Number.NaN), 0) / group.length;
    const [low, high] = [mean((point) => point.low), mean((point) => point.high)];
    const band = Number.isNaN(low) || Number.isNaN(high) ? {} : { low, high };
    return { x: mean((point) => point.x), y: mean((point) => point.y), ...band };
  });
}
