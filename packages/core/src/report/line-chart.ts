import type { TopLevelSpec } from 'vega-lite';
import { decades, legendPlace, methodColour, methodDash } from './theme';

/** Curves over steps or epochs, each with an optional band (an interval over seeds). */
export interface LineChart {
  readonly title: string;
  readonly subtitle?: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly LineSeries[];
  /** Logarithmic vertical axis, for losses and learning rates; values must then be above 0. */
  readonly logY?: boolean;
  /** The horizontal axis counts: no ticks between whole numbers. */
  readonly wholeX?: boolean;
  /** All that pictures of one report show, where this one shows a part of them: each keeps its colour. */
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

/**
 * Chart of the curves. A point that is not finite (a diverged step) leaves a gap; of a series longer than a picture is
 * wide, neighbours are averaged.
 */
export function lineChart({
  title,
  subtitle,
  x,
  y,
  series,
  logY = false,
  wholeX = false,
  among,
}: LineChart): TopLevelSpec {
  const values = series.flatMap(({ name, points }) => thin(points).map((point) => ({ name, ...point })));
  const names = series.map(({ name }) => name);
  const positive = values.flatMap(({ y: value }) => (value > 0 && Number.isFinite(value) ? [value] : []));
  const ticks = logY && positive.length > 0 ? decades(Math.min(...positive), Math.max(...positive)) : [];
  const scale = logY ? ({ type: 'log' } as const) : { zero: false };
  const legend = { orient: legendPlace(names), title: null, symbolOpacity: 1 };
  const dash = methodDash(names, among, { ...legend, symbolType: 'stroke' as const });
  const shared = {
    x: {
      field: 'x',
      type: 'quantitative' as const,
      title: x,
      scale: { nice: false, zero: false },
      axis: { grid: false, tickCount: 8, ...(wholeX && { tickMinStep: 1 }) },
    },
    color: {
      ...methodColour(names, among),
      ...(names.length > 1
        ? { legend: { ...legend, symbolType: 'strokeDash' in dash ? ('stroke' as const) : ('square' as const) } }
        : {}),
    },
  };
  return {
    title: { text: title, ...(subtitle ? { subtitle } : {}) },
    width: 560,
    height: 300,
    data: { values },
    layer: [
      {
        transform: [{ filter: 'isValid(datum.low) && isValid(datum.high)' }],
        mark: { type: 'area', opacity: series.length > 3 ? 0.1 : 0.18 },
        encoding: { ...shared, y: { field: 'low', type: 'quantitative', title: y, scale }, y2: { field: 'high' } },
      },
      {
        mark: { type: 'line', strokeWidth: 2 },
        encoding: {
          ...shared,
          ...dash,
          y: {
            field: 'y',
            type: 'quantitative',
            title: y,
            scale,
            axis: ticks.length > 2 ? { values: ticks } : { tickCount: 6 },
          },
        },
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
