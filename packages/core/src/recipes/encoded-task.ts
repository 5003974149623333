/** Classification of pictures that lie in files, of any size. */
import { pipelineDataset } from '../data/pipeline/pipeline-dataset';
import type { TrainTransform } from '../data/pipeline/transforms';
import type { TrainAndTest } from '../data/sources/class-folders';
import { group, integer, number, type Values } from '../experiment/option';
import { classificationTask } from '../train/classification-task';
import type { Task } from '../train/task';
import { type SelectionValues, splitTraining } from './split';

/** Augmentation of images in files, besides random resized crops and flips. */
export const viewOptions = group('Augmentation (images in files)', {
  colorJitter: number({
    default: 0,
    min: 0,
    max: 1,
    help: "ColorJitter's brightness, contrast and saturation; 0.4 is usual",
  }),
  randAugment: integer({ default: 0, min: 0, max: 10, help: 'operations of RandAugment per image; 2 is usual' }),
  randAugmentMagnitude: integer({ default: 9, min: 0, max: 30, help: 'magnitude of RandAugment' }),
  randomErasing: number({ default: 0, min: 0, max: 1, help: 'probability of random erasing' }),
});

// torchvision's: pictures of 224 are cropped from a shorter side of 256.
const resizeOver = 256 / 224;

/**
 * Classification of encoded images: random resized crops and mirroring in training, the middle of the picture in
 * evaluation, as torchvision's reference does it.
 * @param from the folder that they lie in
 */
export function encodedTask(
  { train, test }: TrainAndTest,
  { imageSize: size, ...asked }: Values<typeof viewOptions> & SelectionValues & { readonly imageSize: number },
  from: string,
): Task {
  const options = { size, train: trainView(asked), test: { resize: Math.round(size * resizeOver) } };
  return classificationTask({
    ...splitTraining(train, asked, (apart) => pipelineDataset(train, { ...options, apart })),
    test: pipelineDataset(test, options),
    from,
    classNames: train.classNames,
  });
}

function trainView({
  colorJitter: amount,
  randAugment: operations,
  randAugmentMagnitude: magnitude,
  randomErasing: probability,
}: Values<typeof viewOptions>): TrainTransform {
  return {
    ...(amount > 0 && { colorJitter: { brightness: amount, contrast: amount, saturation: amount } }),
    ...(operations > 0 && { randAugment: { operations, magnitude } }),
    ...(probability > 0 && { erasing: { probability } }),
  };
}
