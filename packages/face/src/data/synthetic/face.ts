import { type Blend, type Colour, mix, type Shape } from '@headshare/core/data/synthetic/raster';
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

/** Everything that the drawing functions need for one image. */
export interface Face {
  /** `paint` of raster.ts on the image's canvas. */
  readonly paint: (shape: Shape, colour: Colour, alpha?: number, blend?: Blend) => void;
  readonly head: Head;
  readonly person: Identity;
  readonly appearance: Appearance;
  readonly colours: Complexion;
}

export function complexionOf(person: Identity, { tan, hairTint, makeUp }: Appearance): Complexion {
  const ruddy = person.ruddiness * 0.03;
  const [r, g, b] = mix([0.97, 0.8, 0.7], [0.4, 0.26, 0.19], unit(person.melanin + tan));
  const skin = [r + ruddy, g - ruddy * 0.4, b - ruddy * 0.4] as const;
  const lightHair = mix([0.75, 0.72, 0.68], [0.85, 0.6, 0.3], unit(person.hairWarmth));
  const hair = mix(lightHair, [0.08, 0.06, 0.05], Math.sqrt(unit(person.hairDarkness + hairTint)));
  const lips = mix(skin, [0.7, 0.25, 0.25], unit(0.25 + 0.5 * person.lipRedness + 0.5 * makeUp));
  const hue = unit(person.irisHue);
  const hazel: Colour = [0.4, 0.35, 0.15];
  const iris = hue < 0.5 ? mix([0.25, 0.13, 0.07], hazel, hue * 2) : mix(hazel, [0.35, 0.5, 0.65], hue * 2 - 1);
  return { skin, hair, lips, iris };
}

const unit = (value: number): number => Math.max(0, Math.min(1, value));
