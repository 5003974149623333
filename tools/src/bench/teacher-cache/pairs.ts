import type { ImageDataset } from '@headshare/core/data/dataset';
import type { NetworkDescription } from '@headshare/core/nn/network';
import { syntheticFaces } from '@headshare/face/data/synthetic/synthetic-faces';
import { syntheticShapes } from '@headshare/imagenet/data/synthetic/synthetic-shapes';

/** A teacher, a student and the images that one teaches the other with. */
export interface Pair {
  readonly summary: string;
  /** Images a step. */
  readonly batch: number;
  readonly teacher: NetworkDescription;
  readonly student: NetworkDescription;
  /** At least so many images. */
  readonly images: (count: number) => ImageDataset;
}

const cifar = (backbone: string): NetworkDescription => ({
  backbone,
  head: 'linear',
  inputSize: 32,
  width: 1,
  classes: 100,
});

const identities = 50;
const face = (backbone: string): NetworkDescription => ({
  backbone,
  head: 'cosface',
  inputSize: 112,
  width: 1,
  embeddingSize: 512,
  classes: identities,
});

const perClass = (images: number, classes: number): number => Math.ceil(images / classes);

export const pairs = {
  cifar: {
    summary: "CIFAR's resnet32x4 to resnet8x4, shapes of 32x32",
    batch: 64,
    teacher: cifar('resnet32x4'),
    student: cifar('resnet8x4'),
    images: (count) =>
      syntheticShapes({
        classes: 100,
        size: 32,
        seed: 1,
        difficulty: 1,
        split: 'train',
        imagesPerClass: perClass(count, 100),
      }),
  },
  face: {
    summary: 'iresnet18 to MobileFaceNet, faces of 112x112',
    batch: 32,
    teacher: face('iresnet18'),
    student: face('mobilefacenet'),
    images: (count) =>
      syntheticFaces({
        identities,
        size: 112,
        seed: 1,
        split: 'train',
        imagesPerIdentity: perClass(count, identities),
      }),
  },
} as const satisfies Record<string, Pair>;

export type PairName = keyof typeof pairs;
