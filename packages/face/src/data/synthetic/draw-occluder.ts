import { type Canvas, type Colour, paint, scaled, within } from '@headshare/core/data/synthetic/raster';
import { difference } from '@headshare/core/data/synthetic/shape-algebra';
import { band, capsule, ellipse } from '@headshare/core/data/synthetic/shapes';
import type { Appearance } from './appearance';
import type { Head } from './head';
import type { Identity } from './identity';

/** What hides a part of the face. */
export function drawOccluder(canvas: Canvas, head: Head, person: Identity, seen: Appearance): void {
  const { occluderColour: colour, occluderU: u, occluderV: v, occluderSize: size } = seen;
  switch (seen.occluder) {
    case 'none':
      return;
    case 'glasses':
    case 'sunglasses':
      drawGlasses(canvas, head, person, seen.occluder === 'sunglasses', scaled(colour, 0.4), size);
      return;
    case 'mask': {
      const cloth = head.patch(0, person.mouthHeight - 0.05, 1, 0.1);
      paint(canvas, band(cloth, person.faceWidth * 1.1, [-0.28, 0, 0.1], [0.62, 0, -0.1], 1.5), colour);
      paint(canvas, band(cloth, person.faceWidth * 1.1, [-0.02, 0, 0.1], [0, 0, 0.1], 2), scaled(colour, 0.7), 0.6);
      return;
    }
    case 'blob':
      paint(canvas, ellipse(within(head.silhouette, u, v, 1, u * 3), 0, 0, size, size * 0.65, 2), colour);
  }
}

function drawGlasses(canvas: Canvas, head: Head, person: Identity, dark: boolean, colour: Colour, size: number): void {
  // `size` is in [0.15, 0.35].
  const half = 0.19 + 0.15 * (size - 0.15);
  const tall = half * (0.55 + 1.2 * (size - 0.15));
  const rim = 0.022;
  for (const side of [-1, 1] as const) {
    const lens = head.patch(person.eyeSpacing + 0.01, person.eyeHeight + 0.02, side, 0.1);
    const inner = ellipse(lens, 0, 0, half, tall);
    if (dark) paint(canvas, inner, [0.06, 0.06, 0.08], 0.93);
    else paint(canvas, inner, [0.95, 0.97, 1], 0.1);
    paint(canvas, difference(ellipse(lens, 0, 0, half + rim, tall + rim), inner), colour);
    paint(canvas, capsule(lens, [half, -0.02], [half + 0.28, -0.04], 0.014), colour);
  }
  const nose = head.patch(0, person.eyeHeight, 1, 0.12);
  const gap = Math.max(0.02, person.eyeSpacing + 0.01 - half);
  paint(canvas, capsule(nose, [-gap, 0], [gap, 0], 0.014), colour);
}
