import { stream } from '@headshare/core/system/random';

/**
 * Mean and standard deviation over people of everything that identifies a person. Lengths are in head units: the skull's
 * top is at v = -1, the chin near v = 1, u runs to the viewer's right; angles in radians, the rest about 0 to 1.
 */
const population = {
  faceWidth: [0.73, 0.04],
  /** Width at the jaw's corners and at the chin, relative to faceWidth. */
  jawWidth: [0.84, 0.06],
  chinWidth: [0.44, 0.07],
  chinLength: [1, 0.05],
  foreheadWidth: [0.9, 0.05],
  hairline: [-0.56, 0.07],
  /** Centre of the face to the centre of an eye. */
  eyeSpacing: [0.31, 0.022],
  eyeHeight: [-0.06, 0.025],
  eyeWidth: [0.148, 0.014],
  eyeOpening: [0.062, 0.012],
  eyeTilt: [0, 0.09],
  irisSize: [0.062, 0.005],
  lidCrease: [0.5, 0.3],
  /** Eye to brow. */
  browGap: [0.175, 0.026],
  browThickness: [0.034, 0.012],
  browLength: [0.2, 0.022],
  browTilt: [-0.02, 0.1],
  browArch: [0.035, 0.02],
  /** Eye to the nose's tip. */
  noseLength: [0.36, 0.035],
  noseWidth: [0.125, 0.018],
  bridgeWidth: [0.055, 0.014],
  nostrils: [0.5, 0.25],
  mouthHeight: [0.55, 0.03],
  mouthWidth: [0.245, 0.028],
  upperLip: [0.04, 0.012],
  lowerLip: [0.052, 0.014],
  mouthCurve: [0, 0.016],
  cupidsBow: [0.012, 0.008],
  earHeight: [0.05, 0.05],
  earSize: [0.17, 0.03],
  cheekbones: [0.4, 0.25],
  cheekFolds: [0.3, 0.22],
  chinCleft: [0.1, 0.25],
  beard: [-0.15, 0.4],
  moustache: [-0.15, 0.4],
  freckles: [-0.3, 0.5],
  melanin: [0.38, 0.2],
  ruddiness: [0, 0.5],
  lipRedness: [0.5, 0.25],
  hairDarkness: [0.65, 0.25],
  hairWarmth: [0.4, 0.3],
  irisHue: [0.4, 0.35],
} as const satisfies Record<string, readonly [mean: number, deviation: number]>;

type FaceParameter = keyof typeof population;

export interface Identity extends Readonly<Record<FaceParameter, number>> {
  /** At most three. */
  readonly moles: readonly { readonly u: number; readonly v: number; readonly size: number }[];
  /** Seed of the freckles' positions. */
  readonly freckleSeed: number;
}

/** No parameter is further from its mean than this many standard deviations. */
const limit = 2.3;

/**
 * Person number `index` of a split; splits have no person in common.
 * @param spread scales how far people are from the average face (1: as in the table, 0: all the same)
 */
export function identityOf(seed: number, split: string, index: number, spread: number): Identity {
  const random = stream(seed, 'identity', split, index);
  const values = {} as Record<FaceParameter, number>;
  for (const [name, [mean, deviation]] of Object.entries(population) as [FaceParameter, readonly [number, number]][]) {
    const z = Math.max(-limit, Math.min(limit, random.normal()));
    values[name] = mean + z * deviation * spread;
  }
  const moles = Array.from({ length: spread === 0 ? 0 : random.below(4) }, () => ({
    u: random.uniform(-0.5, 0.5),
    v: random.uniform(0.1, 0.85),
    size: random.uniform(0.012, 0.024),
  }));
  return { ...values, moles, freckleSeed: random.uint32() };
}
