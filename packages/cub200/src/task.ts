import { augmented } from '@headshare/core/data/loading/augmented';
import { defaultDataFolder } from '@headshare/core/experiment/data-folder';
import { imageFilesTask, splitSynthetic } from '@headshare/core/recipes/classification';
import { classificationTask } from '@headshare/core/train/evaluation/classification-task';
import type { Task } from '@headshare/core/train/evaluation/task';
import { openCub200 } from './data/cub200';
import { syntheticBirds } from './data/synthetic/synthetic-birds';
import type { DataValues } from './options';

// The pictures stay the same whatever the seed of the training: seeds then measure training, not the draw of the data.
const dataSeed = 2022;

/** The data that options name. */
export async function birdsTask(options: DataValues): Promise<Task> {
  const { dataset, data = defaultDataFolder('cub200'), boxes: crop } = options;
  return dataset === 'birds' ? drawnBirds(options) : imageFilesTask(await openCub200(data, { crop }), options, data);
}

function drawnBirds(options: DataValues): Task {
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
