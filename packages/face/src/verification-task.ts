import { refuseUnusedData } from '@headshare/core/experiment/data-folder';
import { UserError } from '@headshare/core/system/user-error';
import type { Task } from '@headshare/core/train/evaluation/task';
import type { LabelledPairs } from './evaluation/pair-distances';
import { requireWantedSets } from './ijb/wanted-sets';
import type { DataValues } from './options';
import { realFacesTask, selectedSet } from './real-faces-task';
import { syntheticPairs, syntheticTask } from './synthetic-task';

/** Training on the faces of --dataset, evaluated by verification of people who are not in the training set. */
export async function verificationTask(options: DataValues): Promise<Task> {
  if (options.unreadable === 'black') {
    throw new UserError("--unreadable=black is for face:evaluate's crops of IJB; training takes fail or skip");
  }
  await requireWantedSets(options);
  if (options.dataset !== 'procedural') return realFacesTask(options);
  refuseUnusedData(options);
  return syntheticTask(options);
}

/** The pairs of the images whose embeddings a finished network's folder holds. */
export async function verificationPairs(options: DataValues): Promise<LabelledPairs> {
  return options.dataset === 'procedural' ? syntheticPairs(options) : (await selectedSet(options)).selected.pairs;
}
