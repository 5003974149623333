import type { classificationDataOptions } from '@headshare/core/experiment/classification';
import type { Values } from '@headshare/core/experiment/option';
import { classificationTask } from '@headshare/core/train/classification-task';
import type { Task } from '@headshare/core/train/task';
import { proceduralShapes } from './data/procedural-shapes';

// The pictures stay the same whatever the seed of the training: seeds then measure training, not the draw of the data.
const dataSeed = 2022;

export function shapesTask(options: Values<typeof classificationDataOptions>): Task {
  const { imageSize, classes, imagesPerClass, testImagesPerClass, difficulty } = options;
  const common = { classes, size: imageSize, seed: dataSeed, difficulty };
  return classificationTask({
    train: proceduralShapes({ ...common, split: 'train', imagesPerClass }),
    test: proceduralShapes({ ...common, split: 'test', imagesPerClass: testImagesPerClass }),
    augment: { flip: true, crop: { pad: Math.round(imageSize / 8) } },
  });
}
