import { type ImageSize, type Sides, sides } from '../../system/image-size';
import { type RandomStream, stream } from '../../system/random';

/** How often and how strongly the images of a batch are mixed, as in timm's `Mixup` (mode 'batch'). */
export interface MixSettings {
  /** The alpha of mixup (arXiv 1710.09412): an image's share has the distribution Beta(alpha, alpha); 0: no mixup. */
  readonly mixup: number;
  /** The alpha of CutMix (arXiv 1905.04899); 0: no CutMix. */
  readonly cutmix: number;
  /** The probability that a batch is mixed, (0, 1]. */
  readonly mixProbability: number;
  /** With mixup and CutMix both on: the probability of CutMix, [0, 1]. */
  readonly mixSwitchProbability: number;
}

/** How every image of a batch is mixed with its partner: image i with image n - 1 - i. */
export interface Mix {
  /** The share of an image's own pixels outside the box, [0, 1]; inside the box all pixels are its partner's. */
  readonly pixelShare: number;
  /** The share of its own label, [0, 1]; the rest is its partner's. */
  readonly labelShare: number;
  /** Pixels [left, right) x [top, bottom); empty unless the batch gets CutMix. */
  readonly box: readonly [left: number, top: number, right: number, bottom: number];
}

const empty: Mix['box'] = [0, 0, 0, 0];

/** Draws the mix of a batch of images, which depends on seed and step alone (timm/data/mixup.py). */
export function drawMix(
  settings: MixSettings,
  { seed, step, size }: { readonly seed: number; readonly step: number; readonly size: ImageSize },
): Mix {
  const { mixup, cutmix, mixProbability, mixSwitchProbability } = settings;
  const random = stream(seed, 'mix', step);
  if (!random.chance(mixProbability)) return { pixelShare: 1, labelShare: 1, box: empty };
  const cuts = cutmix > 0 && (mixup === 0 || random.chance(mixSwitchProbability));
  const share = beta(cuts ? cutmix : mixup, random);
  if (!cuts) return { pixelShare: share, labelShare: share, box: empty };
  const whole = sides(size);
  const [y, x] = [random.below(whole.height), random.below(whole.width)];
  return cutAt(share, [x, y], whole);
}

/**
 * CutMix with the centre (x, y): a box of share 1 - `share` of the picture, cut at the picture's edges. The label's share
 * is the share of the pixels outside the cut box.
 */
export function cutAt(share: number, [x, y]: readonly [x: number, y: number], { height, width }: Sides): Mix {
  const half = (side: number): number => Math.floor(Math.trunc(side * Math.sqrt(1 - share)) / 2);
  const [across, down] = [half(width), half(height)];
  const clip = (value: number, side: number): number => Math.min(side, Math.max(0, value));
  const box: Mix['box'] = [
    clip(x - across, width),
    clip(y - down, height),
    clip(x + across, width),
    clip(y + down, height),
  ];
  const [left, top, right, bottom] = box;
  return { pixelShare: 1, labelShare: 1 - ((right - left) * (bottom - top)) / (height * width), box };
}

/** Beta(alpha, alpha) from two gamma variables. */
function beta(alpha: number, random: RandomStream): number {
  const [first, second] = [gamma(alpha, random), gamma(alpha, random)];
  // For a very small alpha both are 0 in double precision: the share is then 0 or 1.
  return first + second > 0 ? first / (first + second) : Number(random.chance(0.5));
}

/** Gamma(shape, 1) by Marsaglia and Tsang, 2000; a shape below 1 is raised by 1, and the result scaled back. */
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
