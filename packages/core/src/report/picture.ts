import { createRequire } from 'node:module';
import { Resvg } from '@resvg/resvg-js';
import * as vega from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { chartConfig, fontFamily } from './theme';

/** A chart drawn: SVG for pages and papers, PNG for everything else. */
export interface Picture {
  readonly svg: string;
  readonly png: Buffer;
}

declare module 'vega' {
  /** Exported by Vega, missing from its types. */
  const textMetrics: { width: (item: { fontSize?: number; limit?: number }, text: unknown) => number };
}

// Without a canvas Vega takes a letter to be 0.8 of the font size wide; Inter's are 0.57 on average.
vega.textMetrics.width = ({ fontSize = 11, limit }, text) =>
  Math.min(0.57 * fontSize * String(text ?? '').length, limit || Number.POSITIVE_INFINITY);

const resolve = createRequire(__filename).resolve;

/** Fonts come with a package: a container or CI machine often has none, and pictures should be the same everywhere. */
const fontFiles = ['400Regular/Inter_400Regular.ttf', '600SemiBold/Inter_600SemiBold.ttf'].map((file) =>
  resolve(`@expo-google-fonts/inter/${file}`),
);

/**
 * Draws a chart (a Vega-Lite specification, as the chart functions beside this file return) with the project's theme.
 * scale: PNG pixels per unit of the chart's size.
 */
export async function drawPicture(chart: TopLevelSpec, { scale = 2 } = {}): Promise<Picture> {
  const { spec } = compile(chart, { config: chartConfig });
  const view = new vega.View(vega.parse(spec), { renderer: 'none', logLevel: vega.Error });
  const svg = await view.toSVG();
  view.finalize();
  const image = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: scale },
    font: { loadSystemFonts: false, fontFiles, defaultFontFamily: fontFamily },
  });
  return { svg, png: image.render().asPng() };
}
