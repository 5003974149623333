import type { TopLevelSpec } from 'vega-lite';
import { ink, palette, softInk } from './theme';

/** Values of many things, one below the other: what each class reaches. */
export interface BarChart {
  readonly title: string;
  readonly subtitle?: string;
  /** What the values are. */
  readonly x: string;
  /** Values are shares of 1 and shown in per cent. */
  readonly percent?: boolean;
  readonly bars: readonly Bar[];
}

export interface Bar {
  /** Different from the other bars'. */
  readonly name: string;
  readonly value: number;
  /** Text behind the value. */
  readonly note?: string;
}

/** Chart of horizontal bars from 0, in their order, with their values behind them. */
export function barChart({ title, subtitle, x, percent = false, bars }: BarChart): TopLevelSpec {
  const scale = percent ? 100 : 1;
  const text = (value: number) => (percent ? `${(scale * value).toFixed(1)} %` : String(value));
  const values = bars.map(({ name, value, note = '' }) => ({ name, value: scale * value, text: text(value), note }));
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
      title: percent ? `${x} (%)` : x,
      scale: percent ? { domain: [0, 100] } : { domainMin: 0 },
      axis: { tickCount: 5 },
    },
  };
  const label = (field: string, dx: number, colour: string) => ({
    mark: { type: 'text' as const, align: 'left' as const, dx, color: colour, fontSize: 11 },
    encoding: { ...position, text: { field, type: 'nominal' as const } },
  });
  return {
    title: { text: title, ...(subtitle ? { subtitle } : {}) },
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
