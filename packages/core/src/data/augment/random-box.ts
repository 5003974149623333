import { roundHalfEven } from 'headshare-student/centre-crop';
import type { RandomStream } from '../../system/random';

/** The range of a random box; ratios are log-uniform. */
export interface BoxRange {
  /** Share of the picture's area, lowest and highest. */
  readonly scale?: readonly [number, number];
  /** Lowest and highest ratio of the sides. */
  readonly ratio?: readonly [number, number];
}

/** Two sides of a box in this range of `area`, the first over the second being the ratio, as torchvision draws them. */
export function randomSides(
  area: number,
  { scale, ratio }: Required<BoxRange>,
  random: RandomStream,
): readonly [number, number] {
  const wanted = area * random.uniform(...scale);
  const aspect = Math.exp(random.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
  return [roundHalfEven(Math.sqrt(wanted * aspect)), roundHalfEven(Math.sqrt(wanted / aspect))];
}
