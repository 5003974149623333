import { openCifar } from '@headshare/core/data/cifar/cifar';
import { augmented } from '@headshare/core/data/loading/augmented';
import { openClassFolders } from '@headshare/core/data/sources/class-folders';
import { defaultDataFolder, refuseUnusedData } from '@headshare/core/experiment/data-folder';
import { imageFilesTask, splitTraining, syntheticTask } from '@headshare/core/recipes/classification';
import { classificationTask } from '@headshare/core/train/evaluation/classification-task';
import type { Task } from '@headshare/core/train/evaluation/task';
import { openImageNet } from './data/imagenet';
import { syntheticShapes } from './data/synthetic/synthetic-shapes';
import type { DataValues } from './options';

/** Training on the images of --dataset, with the augmentation that is published for them. */
export async function imageTask(options: DataValues): Promise<Task> {
  const { dataset, data = defaultDataFolder('imagenet'), verifyData: verify } = options;
  if (dataset === 'shapes') {
    refuseUnusedData(options);
    return syntheticTask(syntheticShapes, options);
  }
  if (dataset === 'imagenet') return imageFilesTask(await openImageNet(data, { verify }), options, data);
  if (dataset === 'folder') return imageFilesTask(await openClassFolders(data, { verify }), options, data);
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
