import type { ColorJitter } from '../augment/color-jitter';
import type { ErasingOptions } from '../augment/erasing';
import type { RandAugment } from '../augment/rand-augment';
import type { RandomCrop } from './crop';

/** How a picture is seen in training, in this order; what is left out is not done. */
export interface TrainTransform {
  /** RandomResizedCrop; default: scale 0.08 to 1, ratio 3/4 to 4/3. */
  readonly crop?: RandomCrop;
  /** Mirrors with probability 1/2; default true. */
  readonly flip?: boolean;
  readonly randAugment?: RandAugment;
  readonly colorJitter?: ColorJitter;
  readonly erasing?: ErasingOptions;
}

/** How a picture is seen in evaluation: its shorter side becomes `resize`, and the middle of it is shown. */
export interface TestTransform {
  /** At least the size of the images. */
  readonly resize: number;
}
