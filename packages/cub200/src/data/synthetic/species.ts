import type { Colour } from '@headshare/core/data/synthetic/raster';
import { type RandomStream, stream } from '@headshare/core/system/random';

/** The small parts that distinguish species; lengths in units of half the body. */
export interface Species {
  readonly beakLength: number;
  /** How far the tip bends down. */
  readonly beakCurve: number;
  readonly beakDepth: number;
  readonly crest: number;
  readonly tailLength: number;
  readonly tailFork: number;
  readonly wingBars: 0 | 1 | 2;
  readonly eyeRing: boolean;
  readonly eyeStripe: boolean;
  readonly breastSpots: 'none' | 'spots' | 'streaks';
  readonly cap: boolean;
  readonly throat: boolean;
  readonly legs: number;
  /** Index of one of few palettes, so that many species share their colours. */
  readonly palette: number;
}

export interface Palette {
  readonly back: Colour;
  readonly breast: Colour;
  readonly mark: Colour;
}

export const palettes: readonly Palette[] = [
  { back: [0.42, 0.32, 0.22], breast: [0.85, 0.78, 0.65], mark: [0.95, 0.92, 0.85] },
  { back: [0.35, 0.38, 0.42], breast: [0.8, 0.8, 0.78], mark: [0.97, 0.97, 0.97] },
  { back: [0.4, 0.44, 0.22], breast: [0.88, 0.82, 0.45], mark: [0.95, 0.93, 0.7] },
  { back: [0.25, 0.32, 0.45], breast: [0.8, 0.6, 0.45], mark: [0.92, 0.92, 0.95] },
];

/** Of four species at a time the last three are copies of the first with three parts changed. */
export function speciesOf(seed: number, label: number): Species {
  const random = stream(seed, 'species', label);
  if (label % 4 === 0) return anySpecies(random);
  const cousin = speciesOf(seed, label - (label % 4));
  const other = anySpecies(random);
  const changed: Record<string, unknown> = { ...cousin };
  const parts = Object.keys(cousin).filter((part) => part !== 'palette') as (keyof Species)[];
  let left = 3;
  for (const part of random.shuffle(parts)) {
    if (left > 0 && differs(cousin[part], other[part])) {
      changed[part] = other[part];
      left--;
    }
  }
  return { ...cousin, ...changed };
}

function differs(a: Species[keyof Species], b: Species[keyof Species]): boolean {
  return typeof a === 'number' && typeof b === 'number' ? Math.abs(a - b) > 0.12 : a !== b;
}

function anySpecies(random: RandomStream): Species {
  const pick = <T>(values: readonly [T, ...T[]]): T => values[random.below(values.length)] ?? values[0];
  return {
    beakLength: pick([0.22, 0.4, 0.62]),
    beakCurve: pick([0, 0, 0.18]),
    beakDepth: pick([0.07, 0.15]),
    crest: pick([0, 0, 0.35]),
    tailLength: pick([0.6, 0.95, 1.3]),
    tailFork: pick([0, 0, 0.3]),
    wingBars: pick([0, 1, 2] as const),
    eyeRing: random.chance(0.4),
    eyeStripe: random.chance(0.35),
    breastSpots: pick(['none', 'spots', 'streaks'] as const),
    cap: random.chance(0.4),
    throat: random.chance(0.35),
    legs: pick([0.3, 0.55]),
    palette: random.below(palettes.length),
  };
}
