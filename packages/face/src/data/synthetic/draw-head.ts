import { type Canvas, type Colour, mix, paint, scaled } from '@headshare/core/data/synthetic/raster';
import { difference, intersection } from '@headshare/core/data/synthetic/shape-algebra';
import { band, ellipse, glow, profile } from '@headshare/core/data/synthetic/shapes';
import { stream } from '@headshare/core/system/random';
import type { Appearance } from './appearance';
import type { Head } from './head';
import type { Identity } from './identity';

/** Colours under white light. */
export interface Complexion {
  readonly skin: Colour;
  readonly hair: Colour;
  readonly lips: Colour;
  readonly iris: Colour;
}

const knots = 24;

/** Half widths of the face's outline from the skull's top to the chin, at equidistant heights. */
function outline(person: Identity): { bottom: number; widths: Float32Array } {
  const { faceWidth, chinLength } = person;
  const jaw = 0.58 * chinLength;
  const anchors: [v: number, width: number][] = [
    [-0.55, faceWidth * person.foreheadWidth],
    [0, faceWidth],
    [jaw, faceWidth * person.jawWidth],
    [0.88 * chinLength, faceWidth * person.chinWidth],
  ];
  const bottom = chinLength;
  const widths = new Float32Array(knots + 1);
  for (let i = 0; i <= knots; i++) {
    const v = -1 + ((bottom + 1) * i) / knots;
    const [first, , , last] = anchors as [[number, number], unknown, unknown, [number, number]];
    if (v <= first[0]) {
      widths[i] = first[1] * Math.sqrt(Math.max(0, 1 - ((v - first[0]) / (1 + first[0])) ** 2));
    } else if (v >= last[0]) {
      widths[i] = last[1] * Math.sqrt(Math.max(0, 1 - ((v - last[0]) / (bottom - last[0])) ** 2));
    } else {
      let k = 0;
      while (v > (anchors[k + 1] as [number, number])[0]) k++;
      const [v0, w0] = anchors[k] as [number, number];
      const [v1, w1] = anchors[k + 1] as [number, number];
      const t = (v - v0) / (v1 - v0);
      // Widths bulge between the anchors, as flesh over bones does.
      widths[i] = w0 + (w1 - w0) * t + 0.03 * Math.sin(Math.PI * t) * (k === 2 ? 2.2 : 1) * faceWidth;
    }
  }
  return { bottom, widths };
}

/** Hair behind, neck, clothes, ears and the face's bare surface. */
export function drawHead(canvas: Canvas, head: Head, person: Identity, seen: Appearance, colours: Complexion): void {
  const { silhouette } = head;
  const { bottom, widths } = outline(person);
  const volume = seen.hairVolume;
  const backLength = 0.1 + seen.hairLength * 1.3;
  if (seen.hairLength > 0.35) {
    const wide = person.faceWidth + volume;
    paint(
      canvas,
      profile(silhouette, -1 - volume, backLength, [0.2, wide * 0.85, wide, wide * 1.02, wide, wide * 0.9, 0.3], 2),
      scaled(colours.hair, 0.8),
    );
  }
  paint(canvas, band(silhouette, person.faceWidth * 0.62, [0.6, 0, 0], [2, 0, 0], 2), scaled(colours.skin, 0.72));
  paint(canvas, band(silhouette, 1.6, [bottom + 0.28, 0, 0.12], [3, 0, 0], 2), seen.clothes);
  for (const side of [-1, 1] as const) {
    // The ear that the head turns away disappears behind the cheek.
    const hidden = Math.max(0, side * seen.yaw) * 0.35;
    const u = side * (person.faceWidth + 0.01 - hidden);
    paint(canvas, ellipse(silhouette, u, person.earHeight, 0.075, person.earSize), scaled(colours.skin, 0.86));
    paint(
      canvas,
      ellipse(silhouette, u, person.earHeight, 0.035, person.earSize * 0.6, 2),
      scaled(colours.skin, 0.66),
      0.7,
    );
  }
  const face = profile(silhouette, -1, bottom, widths, 1.2);
  paint(canvas, face, colours.skin);
  // The jaw throws a shadow at the outline; a little of it keeps the face apart from the neck.
  paint(canvas, glow(silhouette, 0, bottom + 0.1, person.faceWidth * 0.8, 0.16), [0.75, 0.7, 0.7], 0.5, 'multiply');
}

/** Shading of the face's relief, beard, freckles and moles. */
export function drawSkinDetail(
  canvas: Canvas,
  head: Head,
  person: Identity,
  seen: Appearance,
  colours: Complexion,
): void {
  const lit = seen.lightDirection[0];
  const shadow: Colour = [0.62, 0.52, 0.48];
  for (const side of [-1, 1] as const) {
    const away = Math.max(0, -side * lit);
    const cheek = head.patch(0.42, 0.26, side);
    paint(
      canvas,
      glow(cheek, 0, 0.04, 0.2, 0.16),
      mix(colours.skin, [0.95, 0.45, 0.4], 0.35),
      0.3 + 0.25 * seen.makeUp,
    );
    paint(
      canvas,
      glow(cheek, 0.02, -0.08, 0.2, 0.09),
      scaled(colours.skin, 1.12),
      Math.max(0, 0.5 * person.cheekbones),
    );
    paint(
      canvas,
      glow(cheek, 0.04, 0.16, 0.18, 0.2),
      shadow,
      Math.max(0, 0.3 * person.cheekbones) + 0.3 * away,
      'multiply',
    );
    paint(
      canvas,
      glow(head.patch(person.eyeSpacing, person.eyeHeight - 0.03, side), -0.02, 0, 0.23, 0.17),
      shadow,
      0.45,
      'multiply',
    );
    const fold = head.patch(0.22, 0.42, side);
    const folds = Math.max(0, person.cheekFolds) * (0.6 + 0.5 * Math.max(0, seen.smile));
    paint(canvas, band(fold, 0.05, [-0.14, 0, 0], [0.12, 0, 0], 3), shadow, 0.35 * folds, 'multiply');
  }
  paint(canvas, glow(head.patch(0, person.chinLength - 0.14), 0, 0, 0.17, 0.1), scaled(colours.skin, 1.1), 0.4);
  paint(canvas, glow(head.patch(0, person.mouthHeight + 0.16), 0, 0, 0.16, 0.06), shadow, 0.4, 'multiply');
  paint(canvas, glow(head.patch(0, -0.4), 0, 0, 0.35, 0.16), scaled(colours.skin, 1.08), 0.4);
  const cleft = Math.max(0, person.chinCleft);
  paint(
    canvas,
    glow(head.patch(0, person.chinLength - 0.12), 0, 0, 0.025, 0.07),
    shadow,
    Math.min(0.9, cleft * 1.5),
    'multiply',
  );

  const beard = Math.min(0.85, Math.max(0, person.beard + 0.6 * seen.stubble));
  if (beard > 0) {
    const growth = mix(colours.hair, colours.skin, 0.2);
    paint(canvas, glow(head.patch(0, person.chinLength - 0.1), 0, 0, 0.5, 0.34), growth, beard);
    for (const side of [-1, 1] as const)
      paint(canvas, glow(head.patch(0.5, 0.55, side), 0, 0, 0.2, 0.4), growth, beard * 0.8);
  }
  const moustache = Math.min(0.85, Math.max(0, person.moustache + 0.6 * seen.stubble));
  if (moustache > 0) {
    const lip = head.patch(0, person.mouthHeight - 0.1);
    paint(
      canvas,
      band(lip, 0.24, [-0.045, 0, 0.08], [0.045, 0, 0.04], 3),
      mix(colours.hair, colours.skin, 0.2),
      moustache,
    );
  }
  const freckles = Math.min(1, Math.max(0, person.freckles));
  if (freckles > 0) {
    const random = stream(person.freckleSeed, 'freckles');
    for (let i = 0; i < 14; i++) {
      const at = head.patch(random.uniform(-0.45, 0.45), random.uniform(0.08, 0.42));
      paint(canvas, glow(at, 0, 0, 0.022, 0.022), [0.55, 0.3, 0.2], 0.6 * freckles);
    }
  }
  for (const { u, v, size } of person.moles) {
    paint(
      canvas,
      ellipse(head.patch(u, v), 0, 0, size, size),
      scaled(mix(colours.skin, [0.2, 0.1, 0.08], 0.75), 0.9),
      0.85,
    );
  }
}

/** Hair over the forehead, or a hat. */
export function drawFrontHair(
  canvas: Canvas,
  head: Head,
  person: Identity,
  seen: Appearance,
  colours: Complexion,
): void {
  const { silhouette } = head;
  const volume = seen.hairVolume;
  const wide = person.faceWidth * person.foreheadWidth;
  const top = -1 - volume;
  const hairline = person.hairline + seen.fringe - 0.12 * seen.pitch;
  const cap = profile(silhouette, top, 0.16, capWidths(person.faceWidth + volume * 0.45));
  // The face shows through an oval; it moves with the face as the head turns.
  const middle = 0.45;
  const turned = 0.3 * seen.yaw + 0.2 * seen.parting;
  const opening = ellipse(silhouette, turned, middle, person.faceWidth * 0.97, middle - hairline, 1.5);
  paint(canvas, difference(cap, opening), colours.hair);
  const shine = Math.max(0.15, 0.4 - 0.2 * Math.abs(seen.parting));
  paint(
    canvas,
    glow(silhouette, seen.parting * 0.6, (top + hairline) / 2, 0.35, 0.1),
    mix(colours.hair, [1, 1, 1], 0.35),
    shine,
  );
  if (seen.hat) {
    const brim = -0.62 + 0.1 * seen.fringe - 0.2 * seen.pitch;
    const crown = profile(silhouette, top - 0.15, brim + 0.1, capWidths(wide + volume + 0.12));
    const edge = band(silhouette, 2, [-3, 0, 0], [brim, 0, 0.12], 1.2);
    paint(canvas, intersection(crown, edge), seen.clothes);
    paint(
      canvas,
      band(silhouette, wide + volume + 0.16, [brim - 0.12, 0, 0.1], [brim, 0, 0.1], 1.2),
      scaled(seen.clothes, 0.6),
    );
  }
}

/** A dome that narrows a little at its lower end. */
function capWidths(wide: number): number[] {
  return Array.from({ length: 13 }, (_, i) => {
    const dome = Math.sqrt(Math.max(0, 1 - (1 - Math.min(1, i / 8)) ** 2));
    return wide * dome * (i < 10 ? 1 : 1 - 0.06 * (i - 9));
  });
}
