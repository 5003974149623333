import type { ImageDataset } from '@headshare/core/data/dataset';
import type { NetworkDescription } from '@headshare/core/nn/network';
import { syntheticFaces } from '@headshare/face/data/synthetic/synthetic-faces';
import { syntheticShapes } from '@headshare/imagenet/data/synthetic/synthetic-shapes';
import { cifarNetwork, faceNetwork } from '../networks';

/** A teacher, its student, and their training images. */
export interface Pair {
  /** Images a step. */
  readonly batch: number;
  readonly teacher: NetworkDescription;
  readonly student: NetworkDescription;
  /** A dataset of at least `count` images. */
  readonly images: (count: number) => ImageDataset;
}

const identities = 50;

export const pairs = {
  cifar: {
    batch: 64,
    teacher: cifarNetwork('resnet32x4'),
    student: cifarNetwork('resnet8x4'),
    images: (count) =>
      syntheticShapes({
        classes: 100,
        size: 32,
        seed: 1,
        difficulty: 1,
        split: 'train',
        imagesPerClass: Math.ceil(count / 100),
      }),
  },
  face: {
    batch: 32,
    teacher: faceNetwork('iresnet18', 'cosface', identities),
    student: faceNetwork('mobilefacenet', 'cosface', identities),
    images: (count) =>
      syntheticFaces({
        identities,
        size: 112,
        seed: 1,
        split: 'train',
        imagesPerIdentity: Math.ceil(count / identities),
      }),
  },
} as const satisfies Record<string, Pair>;

export type PairName = keyof typeof pairs;
