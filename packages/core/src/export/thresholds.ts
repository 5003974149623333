/** The thresholds of a card: measured on the verification images of the network's run. */

import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Thresholds } from 'headshare-student/card';
import type { GraphOptions } from '../delivery/network-graph';
import { Program } from '../runtime/program';
import { State } from '../runtime/state';
import { checkpointFiles } from '../train/checkpoint';
import { type Embeddings, makeInference } from '../train/evaluation/inference';
import type { Task, Verification } from '../train/evaluation/task';
import { loadNetwork } from '../train/networks/load-network';
import type { Source, SourceRun } from './source';

const batchSize = 64;

/** Undefined for tasks without verification images. */
export async function thresholdsOf(
  source: Source & { readonly made: SourceRun },
  task: Task,
  { mirror, teacherSpace }: Pick<GraphOptions, 'mirror' | 'teacherSpace'>,
): Promise<Thresholds | undefined> {
  const { network, made } = source;
  const verification = task.usage?.verification;
  if (!verification) return undefined;
  // What a stage keeps is of its last epoch, and in its teacher's space.
  const isKept =
    basename(network.file) === checkpointFiles.last && (network.description.teacherSpace === undefined || teacherSpace);
  const kept = isKept ? verification.read(made.folder) : undefined;
  const own = kept ?? (await embedded(network.file, verification, teacherSpace));
  return verification.thresholds(own, galleryOf(made, verification), mirror);
}

async function embedded(file: string, { embed }: Verification, compared: boolean): Promise<Embeddings> {
  const state = new State();
  const program = new Program(state);
  try {
    const network = loadNetwork(state, 'network', file);
    return await embed(makeInference(program, network, { batchSize, compared }));
  } finally {
    program.dispose();
    state.dispose();
  }
}

/** The embeddings by the run's teacher; undefined where it had none, or where its stage is not on this machine. */
export function galleryOf(made: SourceRun, verification: Verification | undefined): Embeddings | undefined {
  const folder = verification && teacherFolder(made);
  return folder === undefined ? undefined : verification?.read(folder);
}

/** The folder of the stage that trained a run's teacher; undefined where there is none on this machine. */
export function teacherFolder({ run, folder }: SourceRun): string | undefined {
  const teacher = teacherOf({ run });
  if (!teacher) return undefined;
  // <package>/<experiment>/<key>
  const place = join(dirname(dirname(folder)), teacher.experiment, teacher.key);
  return existsSync(place) ? place : undefined;
}

/** The stage that trained a run's teacher. */
export const teacherOf = ({ run }: Pick<SourceRun, 'run'>) =>
  run.finished.stages?.findLast(({ experiment }) => experiment.startsWith('teacher'));
