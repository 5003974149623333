import type { Config } from 'vega-lite';
import type { Field } from 'vega-lite/build/src/channeldef';
import type { LayerSpec } from 'vega-lite/build/src/spec';

/** Marks over one another, as Vega-Lite types them. */
export type ChartLayer = LayerSpec<Field>;

export const fontFamily = 'Inter';

/** Okabe and Ito's colours without the yellow, which is too faint on white: apart for every kind of colour vision. */
export const palette = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000'];

export const ink = '#222222';
export const softInk = '#555555';
const faint = '#E4E4E4';

/** Where a report has more rows: the same hues, darker, and paler for black. Their lines are dashed besides. */
const furtherColours = ['#003F66', '#7A3500', '#00543D', '#7B3A5F', '#8C6100', '#7F7FD5', '#8A8A8A'];
const colours = [...palette, ...furtherColours];

/** How all charts look: white ground, readable sizes, only the lines that help to read a value. */
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
    labelFontSize: 12,
    labelColor: ink,
    titleFontSize: 12,
    titleFontWeight: 400,
    titleColor: softInk,
    titlePadding: 10,
    gridColor: faint,
    domainColor: softInk,
    tickColor: softInk,
    labelLimit: 320,
    labelFlush: false,
  },
  legend: {
    labelFontSize: 12,
    labelColor: ink,
    titleFontSize: 12,
    titleFontWeight: 400,
    titleColor: softInk,
    labelLimit: 320,
  },
  header: { labelFontSize: 13, labelFontWeight: 600, titleFontSize: 12 },
};

/** The powers of ten from the one below `low` to the one above `high`: where a logarithmic axis has its lines. */
export function decades(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  const count = Math.ceil(Math.log10(high)) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(`1e${first + i}`));
}

/**
 * The same colour for the same place in the list, in every chart; no legend, since rows or a chart's own one name it.
 * @param among all that pictures of one report show, where this one shows a part of them: each then keeps its colour
 */
export function methodColour(names: readonly string[], among: readonly string[] = names) {
  const range = names.map((name) => colours[placeOf(name, among) % colours.length] as string);
  return { field: 'name', type: 'nominal' as const, scale: { domain: [...names], range }, legend: null };
}

/**
 * Line styles that go with `methodColour`: whole for the palette's lines, then dashed, then dotted. Empty where all are
 * whole. @param legend the colours' own, with which theirs becomes one
 */
export function methodDash(names: readonly string[], among: readonly string[] = names, legend: object | null = null) {
  const rounds = names.map((name) => Math.floor(placeOf(name, among) / palette.length));
  if (rounds.every((round) => round === 0)) return {};
  const range = rounds.map((round) => (round === 0 ? [1, 0] : round === 1 ? [6, 4] : [2, 3]));
  return { strokeDash: { field: 'name', type: 'nominal' as const, scale: { domain: [...names], range }, legend } };
}

const placeOf = (name: string, among: readonly string[]): number => Math.max(0, among.indexOf(name));

/** Where a legend stands: above a chart as long as it fits there, else beside it. */
export const legendPlace = (names: readonly string[]): 'top' | 'right' =>
  names.join('').length + 5 * names.length > 75 ? 'right' : 'top';
