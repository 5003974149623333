import { defaultDataFolder, refuseUnusedData } from '@headshare/core/experiment/data-folder';
import { imageFilesTask, syntheticTask } from '@headshare/core/recipes/classification';
import type { Task } from '@headshare/core/train/evaluation/task';
import { openCub200 } from './data/cub200';
import { syntheticBirds } from './data/synthetic/synthetic-birds';
import type { DataValues } from './options';

/** Training on the images of --dataset. */
export async function birdsTask(options: DataValues): Promise<Task> {
  const { dataset, data = defaultDataFolder('cub200'), boxes: crop, verifyData: verify } = options;
  if (dataset === 'birds') {
    refuseUnusedData(options);
    return syntheticTask(syntheticBirds, options);
  }
  return imageFilesTask(await openCub200(data, { crop, verify }), options, data);
}
