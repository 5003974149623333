import type { TopLevelSpec } from 'vega-lite';
import { type Heading, heading, ink, palette, softInk } from './theme';

export interface BarChart extends Heading {
  /** The title of the axis. */
  readonly x: string;
  readonly bars: readonly Bar[];
}

export interface Bar {
  /** Unique among the bars. */
  readonly name: string;
  /** A share of 1, shown in per cent. */
  readonly value: number;
  /** Text behind the value. */
  readonly note?: string;
}

/** Horizontal bars from 0 to 100 %, in the given order, followed by their values and notes. */
export function barChart({ x, bars, ...text }: BarChart): TopLevelSpec {
  const values = bars.map(({ name, value, note = '' }) => ({
    name,
    value: 100 * value,
    text: `${(100 * value).toFixed(1)} %`,
    note,
  }));
  const position = {
    y: {
      field: 'name',
      type: 'nominal' as const,
      title: null,
      sort: null,
      axis: { domain: false, ticks: false, labelPadding: 6 },
    },
    x: {
      field: 'value',
      type: 'quantitative' as const,
      title: `${x} (%)`,
      scale: { domain: [0, 100] },
      axis: { tickCount: 5 },
    },
  };
  const label = (field: string, dx: number, colour: string) => ({
    mark: { type: 'text' as const, align: 'left' as const, dx, color: colour, fontSize: 11 },
    encoding: { ...position, text: { field, type: 'nominal' as const } },
  });
  return {
    title: heading(text),
    width: 380,
    height: { step: 20 },
    data: { values },
    layer: [
      { mark: { type: 'bar', color: palette[0] as string, height: 12 }, encoding: position },
      label('text', 6, ink),
      label('note', 56, softInk),
    ],
  };
}
