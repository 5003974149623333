import { augmented } from '@headshare/core/data/loading/augmented';
import { defaultDataFolder } from '@headshare/core/experiment/data-folder';
import { imageFilesTask, splitSynthetic } from '@headshare/core/recipes/classification';
import { classificationTask } from '@headshare/core/train/evaluation/classification-task';
import type { Task } from '@headshare/core/train/evaluation/task';
import { openCub200 } from './data/cub200';
import { syntheticBirds } from './data/synthetic/synthetic-birds';
import type { DataValues } from './options';

// The images do not depend on the training's seed: seeds measure the variance of training, not that of the data.
const dataSeed = 2022;

/** Training on the images of --dataset. */
export async function birdsTask(options: DataValues): Promise<Task> {
  const { dataset, data = defaultDataFolder('cub200'), boxes: crop } = options;
  return dataset === 'birds' ? syntheticTask(options) : imageFilesTask(await openCub200(data, { crop }), options, data);
}

function syntheticTask(options: DataValues): Task {
  const { imageSize, classes, testImagesPerClass, difficulty } = options;
  const common = { classes, size: imageSize, seed: dataSeed, difficulty };
  const { train, ...rest } = splitSynthetic(
    (imagesPerClass) => syntheticBirds({ ...common, split: 'train', imagesPerClass }),
    options,
  );
  return classificationTask({
    ...rest,
    train: augmented(train, { flip: true, crop: { pad: Math.round(imageSize / 8) } }),
    test: syntheticBirds({ ...common, split: 'test', imagesPerClass: testImagesPerClass }),
  });
}
