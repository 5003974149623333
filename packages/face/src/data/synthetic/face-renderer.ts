import { backdrop } from '@headshare/core/data/synthetic/backdrop';
import { expose } from '@headshare/core/data/synthetic/camera';
import { createCanvas, mix } from '@headshare/core/data/synthetic/raster';
import type { CreateRenderer } from '@headshare/core/data/synthetic/renderer';
import { stream } from '@headshare/core/system/random';
import { type Appearance, appearanceOf, type Nuisance } from './appearance';
import { drawEyes } from './draw-eyes';
import { type Complexion, drawFrontHair, drawHead, drawSkinDetail } from './draw-head';
import { drawMouth, drawNose } from './draw-mouth';
import { drawOccluder } from './draw-occluder';
import { poseHead } from './head';
import { type Identity, identityOf } from './identity';

export interface FaceRendererOptions {
  readonly imagesPerIdentity: number;
  readonly split: string;
  readonly identitySpread: number;
  readonly nuisance: Nuisance;
}

/** Image i shows picture i % imagesPerIdentity of person floor(i / imagesPerIdentity). */
export const createRenderer: CreateRenderer<FaceRendererOptions> = ({ options, size, seed }) => {
  const { imagesPerIdentity, split, identitySpread, nuisance } = options;
  const canvas = createCanvas(size);
  let current = -1;
  let identity: Identity;
  return (index, target) => {
    const person = Math.floor(index / imagesPerIdentity);
    const picture = index % imagesPerIdentity;
    if (person !== current) {
      identity = identityOf(seed, split, person, identitySpread);
      current = person;
    }
    const seen = appearanceOf(seed, split, person, picture, nuisance);
    const grain = stream(seed, 'grain', split, person, picture);
    backdrop(canvas, grain, seen.backgroundBase, seen.backgroundSpread);
    const head = poseHead(identity, seen, size);
    const colours = complexion(identity, seen);
    drawHead(canvas, head, identity, seen, colours);
    drawSkinDetail(canvas, head, identity, seen, colours);
    drawNose(canvas, head, identity, seen, colours);
    drawMouth(canvas, head, identity, seen, colours);
    drawEyes(canvas, head, identity, seen, colours);
    drawFrontHair(canvas, head, identity, seen, colours);
    drawOccluder(canvas, head, identity, seen);
    const { silhouette } = head;
    const ball = {
      ...silhouette,
      ux: silhouette.ux * 0.95,
      uy: silhouette.uy * 0.95,
      vx: silhouette.vx * 1.25,
      vy: silhouette.vy * 1.25,
    };
    const light = { ball, ambient: seen.ambient, direction: seen.lightDirection };
    expose(
      canvas,
      target,
      { light, blur: seen.blur * size, gain: seen.gain, gamma: seen.gamma, noise: seen.noise },
      grain,
    );
  };
};

function unit(value: number): number {
  return Math.max(0, Math.min(1, value));
}

function complexion(person: Identity, seen: Appearance): Complexion {
  const melanin = unit(person.melanin + seen.tan);
  const ruddy = person.ruddiness * 0.03;
  const [r, g, b] = mix([0.97, 0.8, 0.7], [0.4, 0.26, 0.19], melanin);
  const skin = [r + ruddy, g - ruddy * 0.4, b - ruddy * 0.4] as const;
  const dark = unit(person.hairDarkness + seen.hairTint);
  const hair = mix(
    mix([0.75, 0.72, 0.68], [0.85, 0.6, 0.3], unit(person.hairWarmth)),
    [0.08, 0.06, 0.05],
    Math.sqrt(dark),
  );
  const lips = mix(skin, [0.7, 0.25, 0.25], unit(0.25 + 0.5 * person.lipRedness + 0.5 * seen.makeUp));
  const hue = unit(person.irisHue);
  const iris =
    hue < 0.5
      ? mix([0.25, 0.13, 0.07], [0.4, 0.35, 0.15], hue * 2)
      : mix([0.4, 0.35, 0.15], [0.35, 0.5, 0.65], hue * 2 - 1);
  return { skin, hair, lips, iris };
}
