import type { Task } from '@headshare/core/train/task';
import type { LabelledPairs } from './evaluation/verification';
import { requireWantedSets } from './ijb/wanted-sets';
import type { DataValues } from './options';
import { realFacesTask, selectedSet } from './real-faces-task';
import { syntheticPairs, syntheticTask } from './synthetic-task';

/** Training on the faces that options name, judged by verification of people who were not trained on. */
export async function verificationTask(options: DataValues): Promise<Task> {
  await requireWantedSets(options);
  return options.dataset === 'procedural' ? syntheticTask(options) : realFacesTask(options);
}

/** The pairs whose embeddings a finished network has left in its folder. */
export async function judgedPairs(options: DataValues): Promise<LabelledPairs> {
  return options.dataset === 'procedural' ? syntheticPairs(options) : (await selectedSet(options)).selected.pairs;
}
