import type { ImageDataset } from '@headshare/core/data/dataset';
import { syntheticDataset } from '@headshare/core/data/synthetic/synthetic-dataset';
import type { ImageSize } from '@headshare/core/system/image-size';
import { defaultNuisance, type Nuisance } from './appearance';
import type { FaceRendererOptions } from './face-renderer';

export interface SyntheticFacesOptions extends Partial<Nuisance> {
  readonly identities: number;
  readonly imagesPerIdentity: number;
  readonly size: ImageSize;
  readonly seed: number;
  /** Splits have no person in common. */
  readonly split: 'train' | 'verification';
  /** How far people are from the average face: 0 (all the same) to about 1.5; default 1. */
  readonly identitySpread?: number;
  readonly cacheFolder?: string;
  readonly threads?: number;
}

/**
 * Synthetic aligned faces. People differ in some forty measures of geometry and colouring (identity.ts), images of one
 * person in pose, expression, light, styling and occlusion (appearance.ts).
 * Image i shows person labels[i] = floor(i / imagesPerIdentity).
 */
export function syntheticFaces(options: SyntheticFacesOptions): ImageDataset {
  const { identities, imagesPerIdentity, size, seed, split, identitySpread = 1, cacheFolder, threads } = options;
  const causes = Object.keys(defaultNuisance) as (keyof Nuisance)[];
  const nuisance = Object.fromEntries(causes.map((cause) => [cause, options[cause] ?? defaultNuisance[cause]]));
  const rendererOptions: FaceRendererOptions = {
    imagesPerIdentity,
    split,
    identitySpread,
    nuisance: { ...defaultNuisance, ...nuisance },
  };
  return syntheticDataset({
    name: `faces-${split}`,
    size,
    classes: identities,
    labels: Int32Array.from({ length: identities * imagesPerIdentity }, (_, i) => Math.floor(i / imagesPerIdentity)),
    rendererModule: require.resolve('./face-renderer'),
    rendererOptions,
    seed,
    cacheFolder,
    threads,
  });
}
