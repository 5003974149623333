import { capture } from '@headshare/core/data/synthetic/camera';
import { backdrop, createCanvas, paint } from '@headshare/core/data/synthetic/raster';
import type { CreateRenderer } from '@headshare/core/data/synthetic/renderer';
import { stream } from '@headshare/core/system/random';
import { appearanceOf, type Nuisance } from './appearance';
import { drawEyes } from './draw-eyes';
import { drawFrontHair, drawHead, drawSkinDetail } from './draw-head';
import { drawMouth, drawNose } from './draw-mouth';
import { drawOccluder } from './draw-occluder';
import { complexionOf, type Face } from './face';
import { poseHead } from './head';
import { type Identity, identityOf } from './identity';

export interface FaceRendererOptions {
  readonly imagesPerIdentity: number;
  readonly split: string;
  readonly identitySpread: number;
  readonly nuisance: Nuisance;
}

/** In the order of painting: later parts cover earlier ones. */
const parts = [drawHead, drawSkinDetail, drawNose, drawMouth, drawEyes, drawFrontHair, drawOccluder];

/** Image i shows image i % imagesPerIdentity of person floor(i / imagesPerIdentity). */
export const createRenderer: CreateRenderer<FaceRendererOptions> = ({ options, size, seed }) => {
  const { imagesPerIdentity, split, identitySpread, nuisance } = options;
  const canvas = createCanvas(size);
  const longer = Math.max(canvas.height, canvas.width);
  let current = -1;
  let person: Identity;
  return (index, target) => {
    const identity = Math.floor(index / imagesPerIdentity);
    const image = index % imagesPerIdentity;
    if (identity !== current) {
      person = identityOf(seed, split, identity, identitySpread);
      current = identity;
    }
    const appearance = appearanceOf(seed, split, identity, image, nuisance);
    const grain = stream(seed, 'grain', split, identity, image);
    backdrop(canvas, grain, appearance.backgroundBase, appearance.backgroundSpread);
    const head = poseHead(person, appearance, canvas);
    const face: Face = {
      paint: (...args) => paint(canvas, ...args),
      head,
      person,
      appearance,
      colours: complexionOf(person, appearance),
    };
    for (const draw of parts) draw(face);
    const { ux, uy, vx, vy } = head.silhouette;
    const ball = { ...head.silhouette, ux: ux * 0.95, uy: uy * 0.95, vx: vx * 1.25, vy: vy * 1.25 };
    const { ambient, lightDirection: direction, blur, gain, gamma, noise } = appearance;
    capture(canvas, target, { light: { ball, ambient, direction }, blur: blur * longer, gain, gamma, noise }, grain);
  };
};
