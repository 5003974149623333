import type { TopLevelSpec } from 'vega-lite';
import { decades, type Heading, heading, palette, softInk } from './theme';

/** Differences of paired trainings over a positive number. */
export interface DifferenceChart extends Heading {
  /** The titles of the axes. */
  readonly x: string;
  readonly y: string;
  readonly points: readonly DifferencePoint[];
}

export interface DifferencePoint {
  readonly x: number;
  readonly difference: number;
  readonly seed: number;
}

/** A dot for each pair, and a line at 0; the horizontal axis is logarithmic. */
export function differenceChart({ x, y, points, ...text }: DifferenceChart): TopLevelSpec {
  const places = points.map((point) => point.x);
  const [low, high] = [Math.min(...places) / 1.3, Math.max(...places) * 1.3];
  const ticks = decades(low, high).flatMap((decade) => [decade, 2 * decade, 5 * decade]);
  return {
    title: heading(text),
    width: 420,
    height: 260,
    layer: [
      { data: { values: [{}] }, mark: { type: 'rule', color: softInk, strokeWidth: 1 }, encoding: { y: { datum: 0 } } },
      {
        data: { values: [...points] },
        mark: { type: 'point', filled: true, size: 70, opacity: 0.9, color: palette[0] as string },
        encoding: {
          x: {
            field: 'x',
            type: 'quantitative',
            title: x,
            scale: { type: 'log', domain: [low, high], nice: false },
            axis: { grid: false, format: '~r', values: ticks.filter((tick) => tick >= low && tick <= high) },
          },
          y: { field: 'difference', type: 'quantitative', title: y, axis: { tickCount: 6 }, scale: { padding: 10 } },
        },
      },
    ],
  };
}
