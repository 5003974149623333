import type { Task } from '@headshare/core/train/task';
import { requireWantedSets } from './ijb/wanted-sets';
import type { DataValues } from './options';
import { proceduralTask } from './procedural-task';
import { realFacesTask } from './real-faces-task';

/** Training on the faces that options name, judged by verification of people who were not trained on. */
export async function verificationTask(options: DataValues): Promise<Task> {
  await requireWantedSets(options);
  return options.dataset === 'procedural' ? proceduralTask(options) : realFacesTask(options);
}
