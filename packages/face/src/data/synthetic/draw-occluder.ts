import { scaled, within } from '@headshare/core/data/synthetic/raster';
import { difference } from '@headshare/core/data/synthetic/shape-algebra';
import { band, capsule, ellipse } from '@headshare/core/data/synthetic/shapes';
import type { Face } from './face';

/** Draws the object that hides a part of the face, if there is one. */
export function drawOccluder(face: Face): void {
  const { paint, head, person, appearance } = face;
  const { occluder, occluderColour: colour, occluderU: u, occluderV: v, occluderSize: size } = appearance;
  if (occluder === 'glasses' || occluder === 'sunglasses') drawGlasses(face);
  else if (occluder === 'blob')
    paint(ellipse(within(head.silhouette, u, v, 1, u * 3), 0, 0, size, size * 0.65, 2), colour);
  else if (occluder === 'mask') {
    const cloth = head.patch(0, person.mouthHeight - 0.05, 1, 0.1);
    paint(band(cloth, person.faceWidth * 1.1, [-0.28, 0, 0.1], [0.62, 0, -0.1], 1.5), colour);
    paint(band(cloth, person.faceWidth * 1.1, [-0.02, 0, 0.1], [0, 0, 0.1], 2), scaled(colour, 0.7), 0.6);
  }
}

function drawGlasses({ paint, head, person, appearance }: Face): void {
  const colour = scaled(appearance.occluderColour, 0.4);
  const larger = appearance.occluderSize - 0.15;
  const half = 0.19 + 0.15 * larger;
  const tall = half * (0.55 + 1.2 * larger);
  const rim = 0.022;
  for (const side of [-1, 1] as const) {
    const lens = head.patch(person.eyeSpacing + 0.01, person.eyeHeight + 0.02, side, 0.1);
    const inner = ellipse(lens, 0, 0, half, tall);
    if (appearance.occluder === 'sunglasses') paint(inner, [0.06, 0.06, 0.08], 0.93);
    else paint(inner, [0.95, 0.97, 1], 0.1);
    paint(difference(ellipse(lens, 0, 0, half + rim, tall + rim), inner), colour);
    paint(capsule(lens, [half, -0.02], [half + 0.28, -0.04], 0.014), colour);
  }
  const nose = head.patch(0, person.eyeHeight, 1, 0.12);
  const gap = Math.max(0.02, person.eyeSpacing + 0.01 - half);
  paint(capsule(nose, [-gap, 0], [gap, 0], 0.014), colour);
}
