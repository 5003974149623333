import { type Colour, mix, type Shape, scaled } from '@headshare/core/data/synthetic/raster';
import { difference, intersection } from '@headshare/core/data/synthetic/shape-algebra';
import { band, ellipse, glow, profile } from '@headshare/core/data/synthetic/shapes';
import { stream } from '@headshare/core/system/random';
import type { Face } from './face';
import type { Identity } from './identity';

const knots = 24;

/** Half widths of the face's outline at equidistant heights from the skull's top (-1) to the chin. */
function outline(person: Identity): Float32Array {
  const { faceWidth, chinLength } = person;
  const first = [-0.55, faceWidth * person.foreheadWidth] as const;
  const last = [0.88 * chinLength, faceWidth * person.chinWidth] as const;
  const anchors = [first, [0, faceWidth], [0.58 * chinLength, faceWidth * person.jawWidth], last] as const;
  const widths = new Float32Array(knots + 1);
  for (let i = 0; i <= knots; i++) {
    const v = -1 + ((chinLength + 1) * i) / knots;
    if (v <= first[0]) {
      widths[i] = first[1] * Math.sqrt(Math.max(0, 1 - ((v - first[0]) / (1 + first[0])) ** 2));
    } else if (v >= last[0]) {
      widths[i] = last[1] * Math.sqrt(Math.max(0, 1 - ((v - last[0]) / (chinLength - last[0])) ** 2));
    } else {
      const k = v > anchors[2][0] ? 2 : v > anchors[1][0] ? 1 : 0;
      const [v0, w0] = anchors[k];
      const [v1, w1] = anchors[k + 1] as (typeof anchors)[number];
      const t = (v - v0) / (v1 - v0);
      // Flesh over bones: widths bulge between the anchors.
      widths[i] = w0 + (w1 - w0) * t + 0.03 * Math.sin(Math.PI * t) * (k === 2 ? 2.2 : 1) * faceWidth;
    }
  }
  return widths;
}

/** Draws hair behind the head, neck, clothes, ears and the face's bare surface. */
export function drawHead({ paint, head: { silhouette }, person, appearance, colours: { skin, hair } }: Face): void {
  const { hairVolume, hairLength, yaw } = appearance;
  const bottom = person.chinLength;
  if (hairLength > 0.35) {
    const wide = person.faceWidth + hairVolume;
    const widths = [0.2, wide * 0.85, wide, wide * 1.02, wide, wide * 0.9, 0.3];
    paint(profile(silhouette, -1 - hairVolume, 0.1 + hairLength * 1.3, widths, 2), scaled(hair, 0.8));
  }
  paint(band(silhouette, person.faceWidth * 0.62, [0.6, 0, 0], [2, 0, 0], 2), scaled(skin, 0.72));
  paint(band(silhouette, 1.6, [bottom + 0.28, 0, 0.12], [3, 0, 0], 2), appearance.clothes);
  for (const side of [-1, 1] as const) {
    // A turned head hides one ear behind the cheek.
    const hidden = Math.max(0, side * yaw) * 0.35;
    const u = side * (person.faceWidth + 0.01 - hidden);
    paint(ellipse(silhouette, u, person.earHeight, 0.075, person.earSize), scaled(skin, 0.86));
    paint(ellipse(silhouette, u, person.earHeight, 0.035, person.earSize * 0.6, 2), scaled(skin, 0.66), 0.7);
  }
  paint(profile(silhouette, -1, bottom, outline(person), 1.2), skin);
  // The jaw's shadow separates face and neck.
  paint(glow(silhouette, 0, bottom + 0.1, person.faceWidth * 0.8, 0.16), [0.75, 0.7, 0.7], 0.5, 'multiply');
}

/** Draws the shading of the face's relief, beard, freckles and moles. */
export function drawSkinDetail({ paint, head, person, appearance, colours: { skin, hair } }: Face): void {
  const { smile, makeUp, stubble } = appearance;
  const shade = (shape: Shape, alpha: number) => paint(shape, [0.62, 0.52, 0.48], alpha, 'multiply');
  for (const side of [-1, 1] as const) {
    const away = Math.max(0, -side * appearance.lightDirection[0]);
    const cheek = head.patch(0.42, 0.26, side);
    paint(glow(cheek, 0, 0.04, 0.2, 0.16), mix(skin, [0.95, 0.45, 0.4], 0.35), 0.3 + 0.25 * makeUp);
    paint(glow(cheek, 0.02, -0.08, 0.2, 0.09), scaled(skin, 1.12), Math.max(0, 0.5 * person.cheekbones));
    shade(glow(cheek, 0.04, 0.16, 0.18, 0.2), Math.max(0, 0.3 * person.cheekbones) + 0.3 * away);
    shade(glow(head.patch(person.eyeSpacing, person.eyeHeight - 0.03, side), -0.02, 0, 0.23, 0.17), 0.45);
    const folds = Math.max(0, person.cheekFolds) * (0.6 + 0.5 * Math.max(0, smile));
    shade(band(head.patch(0.22, 0.42, side), 0.05, [-0.14, 0, 0], [0.12, 0, 0], 3), 0.35 * folds);
  }
  paint(glow(head.patch(0, person.chinLength - 0.14), 0, 0, 0.17, 0.1), scaled(skin, 1.1), 0.4);
  shade(glow(head.patch(0, person.mouthHeight + 0.16), 0, 0, 0.16, 0.06), 0.4);
  paint(glow(head.patch(0, -0.4), 0, 0, 0.35, 0.16), scaled(skin, 1.08), 0.4);
  const cleft = Math.max(0, person.chinCleft);
  shade(glow(head.patch(0, person.chinLength - 0.12), 0, 0, 0.025, 0.07), Math.min(0.9, cleft * 1.5));

  const growth = mix(hair, skin, 0.2);
  const beard = Math.min(0.85, Math.max(0, person.beard + 0.6 * stubble));
  if (beard > 0) {
    paint(glow(head.patch(0, person.chinLength - 0.1), 0, 0, 0.5, 0.34), growth, beard);
    for (const side of [-1, 1] as const) {
      paint(glow(head.patch(0.5, 0.55, side), 0, 0, 0.2, 0.4), growth, beard * 0.8);
    }
  }
  const moustache = Math.min(0.85, Math.max(0, person.moustache + 0.6 * stubble));
  if (moustache > 0) {
    const lip = head.patch(0, person.mouthHeight - 0.1);
    paint(band(lip, 0.24, [-0.045, 0, 0.08], [0.045, 0, 0.04], 3), growth, moustache);
  }
  const freckles = Math.min(1, Math.max(0, person.freckles));
  if (freckles > 0) {
    const random = stream(person.freckleSeed, 'freckles');
    for (let i = 0; i < 14; i++) {
      const at = head.patch(random.uniform(-0.45, 0.45), random.uniform(0.08, 0.42));
      paint(glow(at, 0, 0, 0.022, 0.022), [0.55, 0.3, 0.2], 0.6 * freckles);
    }
  }
  const mole: Colour = scaled(mix(skin, [0.2, 0.1, 0.08], 0.75), 0.9);
  for (const { u, v, size } of person.moles) paint(ellipse(head.patch(u, v), 0, 0, size, size), mole, 0.85);
}

/** Draws the hair over the forehead, and a hat. */
export function drawFrontHair({ paint, head: { silhouette }, person, appearance, colours: { hair } }: Face): void {
  const { hairVolume, fringe, parting, pitch, yaw, clothes } = appearance;
  const wide = person.faceWidth * person.foreheadWidth;
  const top = -1 - hairVolume;
  const hairline = person.hairline + fringe - 0.12 * pitch;
  const cap = profile(silhouette, top, 0.16, capWidths(person.faceWidth + hairVolume * 0.45));
  // The face shows through an oval, which moves with the face as the head turns.
  const middle = 0.45;
  const turned = 0.3 * yaw + 0.2 * parting;
  paint(difference(cap, ellipse(silhouette, turned, middle, person.faceWidth * 0.97, middle - hairline, 1.5)), hair);
  const shine = glow(silhouette, parting * 0.6, (top + hairline) / 2, 0.35, 0.1);
  paint(shine, mix(hair, [1, 1, 1], 0.35), Math.max(0.15, 0.4 - 0.2 * Math.abs(parting)));
  if (appearance.hat) {
    const brim = -0.62 + 0.1 * fringe - 0.2 * pitch;
    const crown = profile(silhouette, top - 0.15, brim + 0.1, capWidths(wide + hairVolume + 0.12));
    paint(intersection(crown, band(silhouette, 2, [-3, 0, 0], [brim, 0, 0.12], 1.2)), clothes);
    const edge = band(silhouette, wide + hairVolume + 0.16, [brim - 0.12, 0, 0.1], [brim, 0, 0.1], 1.2);
    paint(edge, scaled(clothes, 0.6));
  }
}

/** Half widths of a dome that narrows a little at its lower end. */
function capWidths(wide: number): number[] {
  return Array.from({ length: 13 }, (_, i) => {
    const dome = Math.sqrt(Math.max(0, 1 - (1 - Math.min(1, i / 8)) ** 2));
    return wide * dome * (i < 10 ? 1 : 1 - 0.06 * (i - 9));
  });
}
