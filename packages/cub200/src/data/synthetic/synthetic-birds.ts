import type { ImageDataset } from '@headshare/core/data/dataset';
import { interleavedLabels, syntheticDataset } from '@headshare/core/data/synthetic/synthetic-dataset';
import type { ImageSize } from '@headshare/core/system/image-size';
import type { BirdsRendererOptions } from './birds-renderer';

export interface SyntheticBirdsOptions {
  readonly classes: number;
  readonly imagesPerClass: number;
  /** Default 64. */
  readonly size?: ImageSize;
  readonly seed: number;
  readonly split: 'train' | 'test';
  /** The seed of the species; default 0. It must be the same in both splits, or labels mean different species. */
  readonly speciesSeed?: number;
  /** Pose, scale, light, clutter and noise; 0 to about 1.5, default 1. */
  readonly difficulty?: number;
  readonly cacheFolder?: string;
  readonly threads?: number;
}

/**
 * Synthetic fine-grained classification: birds of one body plan. Four species at a time differ in three small parts
 * (beak, crest, tail, wing bars, eye ring, breast ...). Image i shows species i % classes.
 */
export function syntheticBirds(options: SyntheticBirdsOptions): ImageDataset {
  const { classes, imagesPerClass, size = 64, seed, split, speciesSeed = 0, difficulty = 1 } = options;
  const rendererOptions: BirdsRendererOptions = { classes, split, speciesSeed, difficulty };
  return syntheticDataset({
    name: `birds-${split}`,
    size,
    classes,
    labels: interleavedLabels(classes, imagesPerClass),
    rendererModule: require.resolve('./birds-renderer'),
    rendererOptions,
    seed,
    cacheFolder: options.cacheFolder,
    threads: options.threads,
  });
}
