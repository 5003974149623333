import type { TopLevelSpec } from 'vega-lite';
import { type ChartLayer, type Heading, heading, methodColour } from './theme';

/** The quality of networks against their size. */
export interface SizeChart extends Heading {
  /** The title of the axis. */
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

/** A panel for parameters and one for multiply-adds, both on logarithmic axes, with a point per network. */
export function sizeChart({ y, points, ...text }: SizeChart): TopLevelSpec {
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
    const x = {
      field,
      type: 'quantitative' as const,
      title: axis,
      // The margin also gives the axis a length if all networks have one size.
      scale: { type: 'log' as const, domain: [Math.min(...sizes) / 1.5, Math.max(...sizes) * 1.5], nice: false },
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
        const peers = values.filter((other) => Math.abs(other[field] / value[field] - 1) < 0.02);
        const xOffset = apart * (peers.findIndex(({ name }) => name === value.name) - (peers.length - 1) / 2);
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
    title: heading(text),
    spacing: 36,
    hconcat: [
      panel('parameters', 'parameters, millions'),
      panel('multiplyAdds', 'multiply-adds for an image, millions'),
    ],
  };
}

/** Pixels between networks of the same size, which stand side by side. */
const apart = 10;
