import type { TopLevelSpec } from 'vega-lite';
import { type ChartLayer, methodColour } from './theme';

/** How good networks are against what they take. */
export interface SizeChart {
  readonly title: string;
  readonly subtitle?: string;
  readonly y: string;
  readonly points: readonly SizedNetwork[];
}

export interface SizedNetwork {
  readonly name: string;
  readonly parameters: number;
  /** For one image. */
  readonly multiplyAdds: number;
  readonly mean: number;
  readonly interval?: readonly [low: number, high: number] | undefined;
}

/** Chart with a panel for parameters and one for multiply-adds, both on logarithmic axes, a point a network. */
export function sizeChart({ title, subtitle, y, points }: SizeChart): TopLevelSpec {
  const names = points.map(({ name }) => name);
  const values = points.map(({ name, parameters, multiplyAdds, mean, interval: [low, high] = [mean, mean] }) => ({
    name,
    parameters: parameters / 1e6,
    multiplyAdds: multiplyAdds / 1e6,
    mean,
    low,
    high,
  }));
  const panel = (field: 'parameters' | 'multiplyAdds', axis: string): ChartLayer => {
    const sizes = values.map((value) => value[field]);
    // Networks of one size would stand on an axis without length.
    const domain = [Math.min(...sizes) / 1.5, Math.max(...sizes) * 1.5];
    const x = {
      field,
      type: 'quantitative' as const,
      title: axis,
      scale: { type: 'log' as const, domain, nice: false },
      axis: { grid: false, tickCount: 5, format: '~r' },
    };
    const vertical = (of: 'mean' | 'low') => ({
      field: of,
      type: 'quantitative' as const,
      title: y,
      scale: { zero: false, padding: 10 },
      axis: { tickCount: 6 },
    });
    const color = { ...methodColour(names), legend: { orient: 'right' as const, title: null, symbolOpacity: 1 } };
    return {
      width: 300,
      height: 280,
      layer: values.flatMap((value) => {
        const xOffset = beside(
          value[field],
          value.name,
          values.map((other) => ({ name: other.name, size: other[field] })),
        );
        const data = { values: [value] };
        return [
          {
            data,
            mark: { type: 'rule' as const, strokeWidth: 2, xOffset },
            encoding: { x, y: vertical('low'), y2: { field: 'high' }, color },
          },
          {
            data,
            mark: { type: 'point' as const, filled: true, size: 90, opacity: 1, xOffset },
            encoding: { x, y: vertical('mean'), color },
          },
        ];
      }),
    };
  };
  return {
    title: { text: title, ...(subtitle ? { subtitle } : {}) },
    spacing: 36,
    hconcat: [
      panel('parameters', 'parameters, millions'),
      panel('multiplyAdds', 'multiply-adds for an image, millions'),
    ],
  };
}

/** Pixels between networks of one size, which stand beside one another rather than on top. */
const apart = 10;

function beside(size: number, name: string, all: readonly { readonly name: string; readonly size: number }[]): number {
  const same = all.filter((other) => Math.abs(other.size / size - 1) < 0.02);
  return apart * (same.findIndex((other) => other.name === name) - (same.length - 1) / 2);
}
