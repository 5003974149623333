import { type Canvas, mix, paint, scaled, within } from '@headshare/core/data/synthetic/raster';
import { intersection } from '@headshare/core/data/synthetic/shape-algebra';
import { band, type Curve, ellipse } from '@headshare/core/data/synthetic/shapes';
import type { Appearance } from './appearance';
import type { Complexion } from './draw-head';
import type { Head } from './head';
import type { Identity } from './identity';

/** Eyes, lids and brows. */
export function drawEyes(canvas: Canvas, head: Head, person: Identity, seen: Appearance, colours: Complexion): void {
  const open = Math.max(0.006, person.eyeOpening * (1 - seen.lidsClosed) * (1 - 0.15 * Math.max(0, seen.smile)));
  const width = person.eyeWidth;
  const lash = mix(colours.hair, [0.08, 0.05, 0.05], 0.6);
  for (const side of [-1, 1] as const) {
    const eye = within(head.patch(person.eyeSpacing, person.eyeHeight, side), 0, 0, 1, -person.eyeTilt);
    const upper: Curve = [-open, 0, open];
    const lower: Curve = [open * 0.75, 0, -open * 0.75];
    const white = band(eye, width, upper, lower, 1);
    paint(canvas, white, [0.9, 0.88, 0.86]);
    // Both eyes look the same way, whatever the mirrored frame.
    const u = side * seen.gazeX * 0.07 - seen.yaw * side * 0.05;
    const v = seen.gazeY * 0.03;
    paint(canvas, intersection(white, ellipse(eye, u, v, person.irisSize, person.irisSize)), colours.iris);
    paint(
      canvas,
      intersection(white, ellipse(eye, u, v, person.irisSize * 0.5, person.irisSize * 0.5)),
      [0.03, 0.03, 0.03],
    );
    paint(canvas, intersection(white, ellipse(eye, u - side * 0.02, v - 0.02, 0.016, 0.016)), [1, 1, 1], 0.8);
    paint(canvas, band(eye, width * 1.05, [-open - 0.022, 0, open], [-open + 0.006, 0, open]), lash, 0.85);
    paint(
      canvas,
      band(eye, width, [open * 0.75 - 0.004, 0, -open * 0.75], [open * 0.75 + 0.014, 0, -open * 0.75]),
      scaled(colours.skin, 0.6),
      0.5,
    );
    const crease = Math.min(1, Math.max(0, person.lidCrease));
    const fold = -person.eyeOpening - 0.045;
    paint(
      canvas,
      band(eye, width, [fold - 0.012, 0, 0.06], [fold + 0.008, 0, 0.06]),
      scaled(colours.skin, 0.55),
      0.6 * crease,
    );

    const browHeight = person.eyeHeight - person.browGap - seen.browRaise + 0.15 * seen.lidsClosed * 0.1;
    const brow = within(head.patch(person.eyeSpacing + 0.015, browHeight, side), 0, 0, 1, person.browTilt);
    const thick = Math.max(0.01, person.browThickness);
    const arch = person.browArch + 0.4 * Math.max(0, seen.browRaise);
    paint(
      canvas,
      band(
        brow,
        person.browLength,
        [-arch - thick / 2, 0, arch + thick * 0.25],
        [-arch + thick / 2, 0, arch - thick * 0.2],
        1.4,
      ),
      mix(colours.hair, [0.1, 0.07, 0.05], 0.35),
      0.85,
    );
  }
}
