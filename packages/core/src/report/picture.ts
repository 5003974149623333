import { createRequire } from 'node:module';
import { Resvg } from '@resvg/resvg-js';
import * as vega from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { chartConfig, fontFamily } from './theme';

/** A drawn chart: SVG for pages and papers, PNG for everything else. */
export interface Picture {
  readonly svg: string;
  readonly png: Buffer;
}

declare module 'vega' {
  /** Exported by Vega, missing from its types. */
  const textMetrics: { width: (item: { fontSize?: number; limit?: number }, text: unknown) => number };
}

/** Without a canvas Vega assumes letters 0.8 of the font size wide; Inter's average is 0.57. */
const textWidth: typeof vega.textMetrics.width = ({ fontSize = 11, limit }, text) =>
  Math.min(0.57 * fontSize * String(text ?? '').length, limit || Number.POSITIVE_INFINITY);

const resolve = createRequire(__filename).resolve;

/** Fonts from a package: containers often have none, and pictures should be equal everywhere. */
const fontFiles = ['400Regular/Inter_400Regular.ttf', '600SemiBold/Inter_600SemiBold.ttf'].map((file) =>
  resolve(`@expo-google-fonts/inter/${file}`),
);

/** Draws a chart (a Vega-Lite specification) in the project's style; the PNG has two pixels per unit of its size. */
export async function drawPicture(chart: TopLevelSpec): Promise<Picture> {
  // Here, so that only a command that draws loads Vega.
  vega.textMetrics.width = textWidth;
  const { spec } = compile(chart, { config: chartConfig });
  const view = new vega.View(vega.parse(spec), { renderer: 'none', logLevel: vega.Error });
  const svg = await view.toSVG();
  view.finalize();
  const image = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: 2 },
    font: { loadSystemFonts: false, fontFiles, defaultFontFamily: fontFamily },
  });
  return { svg, png: image.render().asPng() };
}
