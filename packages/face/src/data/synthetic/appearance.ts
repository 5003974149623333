import type { Colour } from '@headshare/core/data/synthetic/raster';
import { type RandomStream, stream } from '@headshare/core/system/random';

/**
 * How strongly images of one person differ, by cause: 0 switches a cause off, 1 is the default, 2 is extreme.
 */
export const defaultNuisance = {
  /** Turn of the head: standard deviations of 15 degrees (yaw) and 8 (pitch). */
  pose: 1,
  /** Errors that an imperfect alignment leaves: roll, shift, scale. */
  alignment: 1,
  /** Mouth, lids, brows, gaze. */
  expression: 1,
  /** Direction and contrast of the light, exposure, colour cast, gamma. */
  light: 1,
  /** How often glasses, sunglasses, a mask or a hand-like blob hide a part of the face. */
  occlusion: 1,
  /** Hairstyle, hair colour, hats, day-to-day beard, make-up and tan. */
  styling: 1,
  blur: 1,
  noise: 1,
  /** Contrast of the background. */
  background: 1,
};

export type Nuisance = Readonly<Record<keyof typeof defaultNuisance, number>>;

type Occluder = 'none' | 'glasses' | 'sunglasses' | 'mask' | 'blob';

/** Everything about an image except the person. Angles in radians, lengths in head units. */
export type Appearance = Readonly<ReturnType<typeof appearanceOf>>;

/** The appearance of one image. Each cause has its own random stream, so that changing one leaves the others. */
export function appearanceOf(seed: number, split: string, person: number, image: number, strength: Nuisance) {
  const from = (cause: string) => stream(seed, cause, split, person, image);
  return {
    ...pose(from('pose'), strength),
    ...expression(from('expression'), strength.expression),
    ...light(from('light'), strength.light),
    ...occlusion(from('occlusion'), strength.occlusion),
    ...styling(from('styling'), strength.styling),
    ...camera(from('camera'), strength),
  };
}

function clipped(random: RandomStream, deviation: number, limit = 2.2): number {
  return Math.max(-limit, Math.min(limit, random.normal())) * deviation;
}

function anyColour(random: RandomStream): Colour {
  return [random.uniform(0.05, 0.95), random.uniform(0.05, 0.95), random.uniform(0.05, 0.95)];
}

function pose(random: RandomStream, { pose, alignment }: Nuisance) {
  return {
    yaw: clipped(random, 0.26 * pose),
    pitch: clipped(random, 0.14 * pose),
    roll: clipped(random, 0.06 * alignment),
    shiftX: clipped(random, 0.035 * alignment),
    shiftY: clipped(random, 0.035 * alignment),
    scale: Math.exp(clipped(random, 0.05 * alignment)),
  };
}

function expression(random: RandomStream, strength: number) {
  const smile = clipped(random, 0.5 * strength);
  const blink = random.chance(0.06 * strength);
  return {
    smile: Math.max(-0.5, smile),
    mouthOpen: Math.max(0, clipped(random, 0.05 * strength)),
    lidsClosed: blink ? 0.95 : Math.max(0, clipped(random, 0.2 * strength)),
    gazeX: clipped(random, 0.35 * strength),
    gazeY: clipped(random, 0.2 * strength),
    browRaise: clipped(random, 0.025 * strength),
  };
}

function light(random: RandomStream, strength: number) {
  const x = clipped(random, 0.55 * strength);
  const y = -0.3 + clipped(random, 0.3 * strength);
  const length = Math.hypot(x, y, 1);
  const exposure = 1.12 * Math.exp(clipped(random, 0.2 * strength));
  const warmth = clipped(random, 0.1 * strength);
  const tint = clipped(random, 0.04 * strength);
  return {
    lightDirection: [x / length, y / length, 1 / length] as Colour,
    ambient: Math.max(0.2, Math.min(0.85, 0.5 + clipped(random, 0.15 * strength))),
    gain: [exposure * Math.exp(warmth), exposure * Math.exp(tint), exposure * Math.exp(-warmth)] as Colour,
    gamma: Math.exp(clipped(random, 0.15 * strength)),
  };
}

function occlusion(random: RandomStream, strength: number) {
  const draw = random.float() / Math.max(strength, 1e-9);
  const occluder: Occluder =
    draw < 0.16 ? 'glasses' : draw < 0.2 ? 'sunglasses' : draw < 0.25 ? 'mask' : draw < 0.37 ? 'blob' : 'none';
  return {
    occluder,
    occluderColour: anyColour(random),
    occluderU: random.uniform(-0.8, 0.8),
    occluderV: random.uniform(-0.7, 1),
    occluderSize: random.uniform(0.15, 0.35),
  };
}

function styling(random: RandomStream, strength: number) {
  return {
    hairVolume: Math.max(0.02, 0.12 + clipped(random, 0.06 * strength)),
    hairLength: random.float() * Math.min(1, strength),
    fringe: Math.max(0, clipped(random, 0.12 * strength)),
    parting: clipped(random, 0.3 * strength),
    hairTint: clipped(random, 0.14 * strength),
    hat: random.chance(0.1 * strength),
    stubble: clipped(random, 0.2 * strength),
    tan: clipped(random, 0.07 * strength),
    makeUp: clipped(random, 0.25 * strength),
    clothes: anyColour(random),
  };
}

function camera(random: RandomStream, strength: Nuisance) {
  return {
    backgroundBase: anyColour(random),
    backgroundSpread: 0.18 * strength.background * random.uniform(0.2, 1.4),
    /** Standard deviation as a fraction of the image's side. */
    blur: Math.abs(clipped(random, 0.008)) * strength.blur,
    /** In units of 1/255. */
    noise: random.uniform(1, 9) * strength.noise,
  };
}
