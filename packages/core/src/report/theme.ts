import type { Config } from 'vega-lite';
import type { Field } from 'vega-lite/build/src/channeldef';
import type { LayerSpec } from 'vega-lite/build/src/spec';

/** Vega-Lite's type of layered marks. */
export type ChartLayer = LayerSpec<Field>;

export interface Heading {
  readonly title: string;
  readonly subtitle?: string;
}

export const heading = ({ title, subtitle }: Heading) => ({ text: title, ...(subtitle ? { subtitle } : {}) });

export const fontFamily = 'Inter';

/** Okabe and Ito's colours, distinct for every kind of colour vision; without yellow, which is too faint on white. */
export const palette = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000'];

export const ink = '#222222';
export const softInk = '#555555';
const faint = '#E4E4E4';

/** For further rows of a report: the same hues, darker or, for black, paler. Their lines are also dashed. */
const furtherColours = ['#003F66', '#7A3500', '#00543D', '#7B3A5F', '#8C6100', '#7F7FD5', '#8A8A8A'];
const colours = [...palette, ...furtherColours];

const text = {
  labelFontSize: 12,
  labelColor: ink,
  labelLimit: 320,
  titleFontSize: 12,
  titleFontWeight: 400,
  titleColor: softInk,
} as const;

/** The style of all charts: white background, readable sizes, few grid lines. */
export const chartConfig: Config = {
  background: '#FFFFFF',
  font: `${fontFamily}, Helvetica, Arial, sans-serif`,
  padding: 16,
  range: { category: palette, heatmap: { scheme: 'blues' } },
  view: { stroke: null },
  title: {
    anchor: 'start',
    fontSize: 15,
    fontWeight: 600,
    color: ink,
    subtitleColor: softInk,
    subtitleFontSize: 12,
    offset: 12,
  },
  axis: {
    ...text,
    titlePadding: 10,
    gridColor: faint,
    domainColor: softInk,
    tickColor: softInk,
    labelFlush: false,
  },
  legend: text,
  header: { labelFontSize: 13, labelFontWeight: 600, titleFontSize: 12 },
};

/** The powers of ten that enclose `low` to `high`, for the grid of a logarithmic axis. */
export function decades(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  const count = Math.ceil(Math.log10(high)) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(`1e${first + i}`));
}

/**
 * Colours by position in the list, equal in all charts; without a legend.
 * @param among all names in a report, if the chart shows some of them: each then keeps its colour
 */
export function methodColour(names: readonly string[], among: readonly string[] = names) {
  const range = names.map((name) => colours[placeOf(name, among) % colours.length] as string);
  return { field: 'name', type: 'nominal' as const, scale: { domain: [...names], range }, legend: null };
}

/**
 * Line styles for `methodColour`: solid for the palette's colours, then dashed, then dotted; empty if all are solid.
 * @param legend the legend of the colours, with which Vega merges this one
 */
export function methodDash(names: readonly string[], among: readonly string[] = names, legend: object | null = null) {
  const rounds = names.map((name) => Math.floor(placeOf(name, among) / palette.length));
  if (rounds.every((round) => round === 0)) return {};
  const range = rounds.map((round) => (round === 0 ? [1, 0] : round === 1 ? [6, 4] : [2, 3]));
  return { strokeDash: { field: 'name', type: 'nominal' as const, scale: { domain: [...names], range }, legend } };
}

const placeOf = (name: string, among: readonly string[]): number => Math.max(0, among.indexOf(name));

/** The place of a legend: above the chart if it fits there, else beside it. */
export const legendPlace = (names: readonly string[]): 'top' | 'right' =>
  names.join('').length + 5 * names.length > 75 ? 'right' : 'top';
