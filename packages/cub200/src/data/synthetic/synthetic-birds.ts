import type { ImageDataset } from '@headshare/core/data/dataset';
import { interleavedLabels, syntheticDataset } from '@headshare/core/data/synthetic/synthetic-dataset';
import type { BirdsRendererOptions } from './birds-renderer';

export interface SyntheticBirdsOptions {
  readonly classes: number;
  readonly imagesPerClass: number;
  /** Side of the square pictures in pixels; default 64. */
  readonly size?: number;
  readonly seed: number;
  readonly split: 'train' | 'test';
  /** Which kinds of birds there are; default 0. The same in both splits, or their labels mean different birds. */
  readonly speciesSeed?: number;
  /** Pose, scale, light, clutter and noise; 0 to about 1.5, default 1. */
  readonly difficulty?: number;
  readonly cacheFolder?: string;
  readonly threads?: number;
}

/**
 * Fine-grained classification on embedded data: birds of one body plan, whose kinds come in families of four that
 * differ in three small parts (beak, crest, tail, wing bars, eye ring, breast...). Image i shows kind i % classes.
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
