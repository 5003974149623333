import type { ImageDataset } from '@headshare/core/data/dataset';
import { interleavedLabels, syntheticDataset } from '@headshare/core/data/synthetic/synthetic-dataset';
import { mostShapeClasses, type ShapesRendererOptions } from './shapes-renderer';

export interface SyntheticShapesOptions {
  /** 2 to 100; each is an outline with a texture. */
  readonly classes: number;
  readonly imagesPerClass: number;
  /** Side of the square pictures in pixels; default 32. */
  readonly size?: number;
  readonly seed: number;
  readonly split: 'train' | 'test';
  /** Clutter, scale, turn, light and noise; 0 to about 1.5, default 1. */
  readonly difficulty?: number;
  readonly cacheFolder?: string;
  readonly threads?: number;
}

/**
 * Image classification on embedded data: one textured shape a picture, on a cluttered background, in any colours.
 * Image i belongs to class i % classes. Throws RangeError for a number of classes outside [2, 100].
 */
export function syntheticShapes(options: SyntheticShapesOptions): ImageDataset {
  const { classes, imagesPerClass, size = 32, seed, split, difficulty = 1, cacheFolder, threads } = options;
  if (!(Number.isInteger(classes) && classes >= 2 && classes <= mostShapeClasses)) {
    throw new RangeError(`There are 2 to ${mostShapeClasses} classes of shapes, not ${classes}`);
  }
  const rendererOptions: ShapesRendererOptions = { classes, split, difficulty };
  return syntheticDataset({
    name: `shapes-${split}`,
    size,
    classes,
    labels: interleavedLabels(classes, imagesPerClass),
    rendererModule: require.resolve('./shapes-renderer'),
    rendererOptions,
    seed,
    cacheFolder,
    threads,
  });
}
