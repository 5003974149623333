/** The lines under a comparison that say how SH-KD's heads lie, and whether they limit the teachers. */
import { resolve } from 'node:path';
import type { FinishedRun } from '../../experiment/define';
import { readFinished } from '../../experiment/store';
import { headLines, type Teachers } from '../head-limits';
import type { NetworkResult } from '../network-stages';
import type { MetricColumn } from './compared-run';
import type { Kind } from './kinds';
import type { Training } from './training';

type Made = Pick<Training, 'finished' | 'folder'>;

/**
 * @param rowOf the row of a training
 * @param accuracy the column of accuracy
 */
export async function sharedHeadNotes(
  trainings: readonly Training[],
  rowOf: (training: Training) => string,
  accuracy: MetricColumn,
): Promise<readonly string[]> {
  // By row and seed: rows of the same networks have become one.
  const rows = new Map<string, Map<number, Teachers>>();
  for (const training of trainings.filter(isShKd)) {
    const pair = await teachersOf(training, trainings);
    const row = rowOf(training);
    if (pair) rows.set(row, new Map([...(rows.get(row) ?? []), [training.seed, pair]]));
  }
  return [...rows].flatMap(([row, pairs]) => headLines([...pairs.values()], accuracy).map((line) => `${row}: ${line}`));
}

export const isShKd = ({ kind, options }: Training): boolean =>
  kind === 'distill-student-head' || (kind === 'distill' && options.method === 'sh-kd');

async function teachersOf(training: Training, trainings: readonly Training[]): Promise<Teachers | undefined> {
  const shared = await stageOfShKd(training, 'teacher-student-head', trainings);
  if (!shared) return undefined;
  const own =
    (await stageOf(training, 'teacher', trainings)) ?? trainings.find((other) => isTeacherOf(other, training));
  return { shared: shared.finished.result, own: own?.finished.result };
}

/** A stage that SH-KD's last one used; `distill` runs that as a stage of its own. */
export async function stageOfShKd(training: Training, kind: Kind, trainings: readonly Training[]) {
  const last = training.kind === 'distill' ? await stageOf(training, 'distill-student-head', trainings) : training;
  return last && (await stageOf(last, kind, trainings));
}

/** A run that a run used: one of the compared, or one beside it, in runs/<package>/<experiment>/<key>. */
async function stageOf({ finished, folder }: Made, kind: Kind, trainings: readonly Training[]) {
  const key = finished.stages?.find(({ experiment }) => experiment === kind)?.key;
  if (key === undefined) return undefined;
  const known = trainings.find((other) => other.kind === kind && other.finished.key === key);
  if (known) return known;
  const place = resolve(folder, '../..', kind, key);
  const run = await readFinished(place);
  // Sound because the result of every kind is of this type.
  return run && ({ finished: run as FinishedRun<NetworkResult>, folder: place } satisfies Made);
}

/** Whether a training is that of the teacher alone, under the options that SH-KD's teacher has too. */
const isTeacherOf = ({ kind, options }: Training, other: Training): boolean =>
  kind === 'teacher' &&
  Object.entries(options).every(([name, value]) => JSON.stringify(other.options[name]) === JSON.stringify(value));
