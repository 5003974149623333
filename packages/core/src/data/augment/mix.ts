import { type RandomStream, stream } from '../../runtime/random';
import { roundHalfEven } from '../round-half-even';

/**
 * How the images of a batch are mixed: image i with image `partner[i]`, whose share of the label is 1 - lambda.
 * Mixed like this the batch of a step depends on (seed, step) alone.
 */
export interface Mix {
  readonly partner: Int32Array;
  /** The share that stays with the image itself, [0, 1]. */
  readonly lambda: number;
  /** CutMix: the part that is taken from the partner; absent: mixup, all pixels are averaged. */
  readonly box?: MixBox;
}

export type MixBox = readonly [left: number, top: number, width: number, height: number];

/** Mixup (arXiv 1710.09412): lambda from Beta(alpha, alpha); partners as timm, the batch backwards. */
export function mixup(seed: number, step: number, count: number, alpha: number): Mix {
  const random = stream(seed, 'mix', step);
  return { partner: reversed(count), lambda: beta(alpha, random) };
}

/**
 * CutMix (arXiv 1905.04899) as timm: a box of share 1 - lambda about a uniform middle, cut at the picture's edges, by
 * which lambda is corrected.
 */
export function cutmix(seed: number, step: number, count: number, alpha: number, size: number): Mix {
  const random = stream(seed, 'mix', step);
  const side = Math.trunc(size * Math.sqrt(1 - beta(alpha, random)));
  const half = Math.floor(side / 2);
  const [y, x] = [random.below(size), random.below(size)];
  const clip = (value: number): number => Math.min(size, Math.max(0, value));
  const [left, right, top, bottom] = [clip(x - half), clip(x + half), clip(y - half), clip(y + half)];
  const box: MixBox = [left, top, right - left, bottom - top];
  return { partner: reversed(count), lambda: 1 - (box[2] * box[3]) / (size * size), box };
}

/**
 * The batch mixed: size x size x 3 bytes an image, the result in memory of its own. Mixup averages bytes, rounded to the
 * nearest, halves to even, as timm's loader does for bytes.
 */
export function mixImages(images: Uint8Array, size: number, { partner, lambda, box }: Mix): Uint8Array {
  const bytes = size * size * 3;
  const mixed = new Uint8Array(images.subarray(0, partner.length * bytes));
  for (let i = 0; i < partner.length; i++) {
    const [own, other] = [i * bytes, (partner[i] as number) * bytes];
    if (box === undefined) {
      for (let k = 0; k < bytes; k++) {
        const value = (images[own + k] as number) * lambda + (images[other + k] as number) * (1 - lambda);
        mixed[own + k] = roundHalfEven(value);
      }
      continue;
    }
    const [left, top, width, height] = box;
    for (let y = top; y < top + height; y++) {
      const at = (y * size + left) * 3;
      mixed.set(images.subarray(other + at, other + at + width * 3), own + at);
    }
  }
  return mixed;
}

/** Soft labels, count x classes: lambda for the image's own class, the rest for its partner's. */
export function mixLabels(labels: Int32Array, classes: number, { partner, lambda }: Mix): Float32Array {
  const mixed = new Float32Array(partner.length * classes);
  for (let i = 0; i < partner.length; i++) {
    const own = i * classes + (labels[i] as number);
    const other = i * classes + (labels[partner[i] as number] as number);
    mixed[own] = (mixed[own] as number) + lambda;
    mixed[other] = (mixed[other] as number) + 1 - lambda;
  }
  return mixed;
}

const reversed = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => count - 1 - i);

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
