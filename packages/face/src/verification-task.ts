import type { Task } from '@headshare/core/train/task';
import type { LabelledPairs } from './evaluation/verification';
import { requireWantedSets } from './ijb/wanted-sets';
import type { DataValues } from './options';
import { proceduralPairs, proceduralTask } from './procedural-task';
import { realFacesTask, selectedSet } from './real-faces-task';

/** Training on the faces that options name, judged by verification of people who were not trained on. */
export async function verificationTask(options: DataValues): Promise<Task> {
  await requireWantedSets(options);
  return options.dataset === 'procedural' ? proceduralTask(options) : realFacesTask(options);
}

/** The pairs whose embeddings a finished network has left in its folder. */
export async function judgedPairs(options: DataValues): Promise<LabelledPairs> {
  return options.dataset === 'procedural' ? proceduralPairs(options) : (await selectedSet(options)).selected.pairs;
}
