import { openCifar } from '@headshare/core/data/cifar/cifar';
import { augmented } from '@headshare/core/data/loading/augmented';
import { openClassFolders } from '@headshare/core/data/sources/class-folders';
import { defaultDataFolder } from '@headshare/core/experiment/data-folder';
import { imageFilesTask, splitSynthetic, splitTraining } from '@headshare/core/recipes/classification';
import { classificationTask } from '@headshare/core/train/evaluation/classification-task';
import type { Task } from '@headshare/core/train/evaluation/task';
import { openImageNet } from './data/imagenet';
import { syntheticShapes } from './data/synthetic/synthetic-shapes';
import type { DataValues } from './options';

// The images do not depend on the training's seed: seeds measure the variance of training, not that of the data.
const dataSeed = 2022;

/** Training on the images of --dataset, with the augmentation that is published for them. */
export async function imageTask(options: DataValues): Promise<Task> {
  const { dataset, data = defaultDataFolder('imagenet') } = options;
  if (dataset === 'shapes') return shapesTask(options);
  if (dataset === 'imagenet') return imageFilesTask(await openImageNet(data), options, data);
  if (dataset === 'folder') return imageFilesTask(await openClassFolders(data), options, data);
  const { train: images, test, classNames } = await openCifar(data, { kind: dataset });
  const { train, ...rest } = splitTraining(images, options, () => images);
  return classificationTask({
    ...rest,
    train: augmented(train, { flip: true, crop: { pad: 4 } }),
    test,
    classNames,
    from: data,
  });
}

function shapesTask(options: DataValues): Task {
  const { imageSize, classes, testImagesPerClass, difficulty } = options;
  const common = { classes, size: imageSize, seed: dataSeed, difficulty };
  const { train, ...rest } = splitSynthetic(
    (imagesPerClass) => syntheticShapes({ ...common, split: 'train', imagesPerClass }),
    options,
  );
  return classificationTask({
    ...rest,
    train: augmented(train, { flip: true, crop: { pad: Math.round(imageSize / 8) } }),
    test: syntheticShapes({ ...common, split: 'test', imagesPerClass: testImagesPerClass }),
  });
}
