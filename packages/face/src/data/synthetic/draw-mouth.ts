import { type Colour, scaled } from '@headshare/core/data/synthetic/raster';
import { band, type Curve, ellipse, glow } from '@headshare/core/data/synthetic/shapes';
import type { Face } from './face';

const shadow: Colour = [0.6, 0.5, 0.46];

/** Draws the nose: a bridge shaded away from the light, tip, wings, nostrils. */
export function drawNose({ paint, head, person, appearance, colours: { skin } }: Face): void {
  const tipV = person.eyeHeight + person.noseLength;
  const bridge = head.patch(0, person.eyeHeight + person.noseLength * 0.45, 1, 0.07);
  const half = person.noseLength * 0.5;
  const lit = appearance.lightDirection[0];
  for (const side of [-1, 1] as const) {
    const dark = 0.3 + 0.6 * Math.max(0, -side * lit);
    const u = side * (person.bridgeWidth + 0.025);
    paint(glow(bridge, u, 0, 0.045, half), shadow, dark, 'multiply');
  }
  paint(glow(bridge, 0, 0, person.bridgeWidth, half * 1.05), scaled(skin, 1.15), 0.5);
  const tip = head.patch(0, tipV, 1, 0.17);
  const width = person.noseWidth;
  paint(glow(tip, 0, 0.06, width * 1.5, 0.07), shadow, 0.7, 'multiply');
  for (const side of [-1, 1] as const) {
    const wing = head.patch(width * 0.8, tipV, side, 0.1);
    paint(ellipse(wing, 0, 0, width * 0.38, 0.052, 2.5), scaled(skin, 0.88), 0.75);
    paint(glow(wing, width * 0.35, 0, 0.03, 0.06), shadow, 0.8, 'multiply');
    const open = Math.max(0.15, person.nostrils);
    const nostril = ellipse(wing, -width * 0.25, 0.045, width * 0.27, 0.012 + 0.012 * open, 1.3);
    paint(nostril, scaled(skin, 0.3), 0.5 + 0.4 * open);
  }
  paint(ellipse(tip, 0, 0, width * 0.62, 0.058, 3), scaled(skin, 1.02), 0.9);
  paint(glow(tip, 0.03 * lit, -0.015, width * 0.4, 0.04), scaled(skin, 1.25), 0.6);
}

/** Draws the lips, and teeth in an open mouth. */
export function drawMouth({ paint, head, person, appearance, colours }: Face): void {
  const { smile, mouthOpen: open } = appearance;
  const mouth = head.patch(0, person.mouthHeight + open * 0.3, 1, 0.05);
  const half = person.mouthWidth * (1 + 0.14 * smile - 0.8 * open);
  // The line of the mouth is a parabola: a smile lifts its corners.
  const bend = -0.075 * smile + person.mouthCurve;
  const thin = 1 - 0.15 * Math.max(0, smile);
  const upper = Math.max(0.012, person.upperLip) * thin;
  const lower = Math.max(0.015, person.lowerLip) * thin;
  const bow = Math.max(0, person.cupidsBow);
  const top: Curve = [-open - upper, 0, bend + upper + open];
  paint(band(mouth, half, top, [open + lower, 0, bend - lower - open], 1.2), colours.lips, 0.9);
  if (bow > 0) paint(glow(mouth, 0, -open - upper - 0.012, 0.05, 0.01 + bow), colours.skin, 0.9);
  paint(band(mouth, half, top, [0, 0, bend], 1.2), [0.8, 0.75, 0.75], 0.5, 'multiply');
  if (open > 0.012) {
    const teeth = band(mouth, half * 0.7, [-open, 0, bend + open], [-open + 0.035, 0, bend + open * 0.6]);
    paint(band(mouth, half * 0.86, [-open, 0, bend + open], [open, 0, bend - open]), [0.25, 0.08, 0.08]);
    paint(teeth, [0.9, 0.88, 0.84], 0.9);
  } else {
    paint(band(mouth, half * 1.03, [-0.01, 0, bend], [0.01, 0, bend]), scaled(colours.lips, 0.45), 0.9);
  }
  paint(glow(mouth, 0, open + lower * 0.5, half * 0.5, lower * 0.5), [1, 0.85, 0.82], 0.25);
}
