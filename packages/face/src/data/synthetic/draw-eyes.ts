import { mix, scaled, within } from '@headshare/core/data/synthetic/raster';
import { intersection } from '@headshare/core/data/synthetic/shape-algebra';
import { band, type Curve, ellipse } from '@headshare/core/data/synthetic/shapes';
import type { Face } from './face';

/** Draws eyes, lids and brows. */
export function drawEyes({ paint, head, person, appearance, colours }: Face): void {
  const { lidsClosed, smile, gazeX, gazeY, yaw, browRaise } = appearance;
  const open = Math.max(0.006, person.eyeOpening * (1 - lidsClosed) * (1 - 0.15 * Math.max(0, smile)));
  const { eyeWidth: width, irisSize: iris } = person;
  const lash = mix(colours.hair, [0.08, 0.05, 0.05], 0.6);
  for (const side of [-1, 1] as const) {
    const eye = within(head.patch(person.eyeSpacing, person.eyeHeight, side), 0, 0, 1, -person.eyeTilt);
    const upper: Curve = [-open, 0, open];
    const lower: Curve = [open * 0.75, 0, -open * 0.75];
    const white = band(eye, width, upper, lower, 1);
    paint(white, [0.9, 0.88, 0.86]);
    // The frame is mirrored on one side: the sign makes both eyes look the same way.
    const u = side * gazeX * 0.07 - yaw * side * 0.05;
    const v = gazeY * 0.03;
    paint(intersection(white, ellipse(eye, u, v, iris, iris)), colours.iris);
    paint(intersection(white, ellipse(eye, u, v, iris * 0.5, iris * 0.5)), [0.03, 0.03, 0.03]);
    paint(intersection(white, ellipse(eye, u - side * 0.02, v - 0.02, 0.016, 0.016)), [1, 1, 1], 0.8);
    paint(band(eye, width * 1.05, [-open - 0.022, 0, open], [-open + 0.006, 0, open]), lash, 0.85);
    const [low, lift] = [open * 0.75, -open * 0.75];
    paint(band(eye, width, [low - 0.004, 0, lift], [low + 0.014, 0, lift]), scaled(colours.skin, 0.6), 0.5);
    const crease = Math.min(1, Math.max(0, person.lidCrease));
    const fold = -person.eyeOpening - 0.045;
    const lid = band(eye, width, [fold - 0.012, 0, 0.06], [fold + 0.008, 0, 0.06]);
    paint(lid, scaled(colours.skin, 0.55), 0.6 * crease);

    const browHeight = person.eyeHeight - person.browGap - browRaise + 0.15 * lidsClosed * 0.1;
    const brow = within(head.patch(person.eyeSpacing + 0.015, browHeight, side), 0, 0, 1, person.browTilt);
    const thick = Math.max(0.01, person.browThickness);
    const arch = person.browArch + 0.4 * Math.max(0, browRaise);
    const top: Curve = [-arch - thick / 2, 0, arch + thick * 0.25];
    const bottom: Curve = [-arch + thick / 2, 0, arch - thick * 0.2];
    paint(band(brow, person.browLength, top, bottom, 1.4), mix(colours.hair, [0.1, 0.07, 0.05], 0.35), 0.85);
  }
}
