import type { Task } from '@headshare/core/train/task';
import type { DataValues } from './options';
import { proceduralTask } from './procedural-task';
import { realFacesTask } from './real-faces-task';

/** Training on the faces that options name, judged by verification of people who were not trained on. */
export function verificationTask(options: DataValues): Task | Promise<Task> {
  return options.dataset === 'procedural' ? proceduralTask(options) : realFacesTask(options);
}
