import { type RandomStream, stream } from '../../system/random';

/** How often, and how far, the images of a batch are mixed with one another; timm's `Mixup` by batches. */
export interface MixSettings {
  /** The alpha of mixup (arXiv 1710.09412): an image's share is drawn from Beta(alpha, alpha); 0: no mixup. */
  readonly mixup: number;
  /** The alpha of CutMix (arXiv 1905.04899); 0: no CutMix. */
  readonly cutmix: number;
  /** How often a batch is mixed, (0, 1]. */
  readonly mixProbability: number;
  /** Where there are both: how often it is CutMix, 0..1. */
  readonly mixSwitchProbability: number;
}

/** A rectangle of pixels: left and top are in it, right and bottom are not. */
export type MixBox = readonly [left: number, top: number, right: number, bottom: number];

/** How every image of a batch is mixed with its partner, the one as far from the other end. */
export interface Mix {
  /** What an image keeps of itself outside the box, [0, 1]; within the box all is its partner's. */
  readonly pixelShare: number;
  /** The share of its own label, [0, 1]; the rest is its partner's. */
  readonly labelShare: number;
  /** Without pixels where it is not CutMix. */
  readonly box: MixBox;
}

const nowhere: MixBox = [0, 0, 0, 0];

/**
 * What happens to a batch of images of size x size pixels: a matter of the seed and of how many batches came before
 * alone. As timm draws it (timm/data/mixup.py, mode 'batch').
 */
export function drawMix(settings: MixSettings, { seed, step, size }: Record<'seed' | 'step' | 'size', number>): Mix {
  const { mixup, cutmix, mixProbability, mixSwitchProbability } = settings;
  const random = stream(seed, 'mix', step);
  if (!random.chance(mixProbability)) return { pixelShare: 1, labelShare: 1, box: nowhere };
  const cuts = cutmix > 0 && (mixup === 0 || random.chance(mixSwitchProbability));
  const share = beta(cuts ? cutmix : mixup, random);
  if (!cuts) return { pixelShare: share, labelShare: share, box: nowhere };
  const [y, x] = [random.below(size), random.below(size)];
  return cutAt(share, [x, y], size);
}

/**
 * CutMix about a middle: a box of share 1 - `share` of the picture, cut at the picture's edges. The label's share is what
 * is left outside the box as it is then.
 */
export function cutAt(share: number, [x, y]: readonly [x: number, y: number], size: number): Mix {
  const half = Math.floor(Math.trunc(size * Math.sqrt(1 - share)) / 2);
  const clip = (value: number): number => Math.min(size, Math.max(0, value));
  const box: MixBox = [clip(x - half), clip(y - half), clip(x + half), clip(y + half)];
  const [left, top, right, bottom] = box;
  return { pixelShare: 1, labelShare: 1 - ((right - left) * (bottom - top)) / (size * size), box };
}

/** Beta(alpha, alpha) as two gamma variables. */
function beta(alpha: number, random: RandomStream): number {
  const [first, second] = [gamma(alpha, random), gamma(alpha, random)];
  // Both are 0 in double precision for a very small alpha: then one of them is all.
  return first + second > 0 ? first / (first + second) : Number(random.chance(0.5));
}

/** Gamma(shape, 1) by Marsaglia and Tsang, 2000; a shape below 1 is raised by 1 and scaled back. */
function gamma(shape: number, random: RandomStream): number {
  if (shape < 1) return gamma(shape + 1, random) * (1 - random.float()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.float()) < x * x * 0.5 + d - d * v + d * Math.log(v)) return d * v;
  }
}
