import type { ImageDataset } from '@headshare/core/data/dataset';
import { interleavedLabels, syntheticDataset } from '@headshare/core/data/synthetic/synthetic-dataset';
import type { ImageSize } from '@headshare/core/system/image-size';
import { mostShapeClasses, type ShapesRendererOptions } from './shapes-renderer';

export interface SyntheticShapesOptions {
  /** 2 to 100; each is a combination of an outline and a texture. */
  readonly classes: number;
  readonly imagesPerClass: number;
  /** Side of the square images in pixels; default 32. */
  readonly size?: ImageSize;
  readonly seed: number;
  readonly split: 'train' | 'test';
  /** Clutter, scale, turn, light and noise; 0 to about 1.5, default 1. */
  readonly difficulty?: number;
  readonly cacheFolder?: string;
  readonly threads?: number;
}

/**
 * Synthetic image classification: each image shows one textured shape in any colours on a cluttered background.
 * Image i belongs to class i % classes. @throws RangeError for a number of classes outside [2, 100]
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
