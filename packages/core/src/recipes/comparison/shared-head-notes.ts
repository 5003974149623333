/** The lines under a comparison that say how SH-KD's heads lie, and whether they limit the teachers. */
import { resolve } from 'node:path';
import type { FinishedRun } from '../../experiment/define';
import { readFinished } from '../../experiment/store';
import { geometryLine, lossLine, trainLossOf } from '../head-limits';
import type { NetworkResult } from '../network-stages';
import type { Kind } from './kinds';
import type { Training } from './training';

type Made = Pick<Training, 'finished' | 'folder'>;

/** @param rowOf the row of a training */
export async function sharedHeadNotes(
  trainings: readonly Training[],
  rowOf: (training: Training) => string,
): Promise<readonly string[]> {
  // By row and seed: rows of the same networks have become one.
  const rows = new Map<string, Map<number, Pair>>();
  for (const training of trainings.filter(isShKd)) {
    const pair = await teachersOf(training, trainings);
    const row = rowOf(training);
    if (pair) rows.set(row, new Map([...(rows.get(row) ?? []), [training.seed, pair]]));
  }
  return [...rows].flatMap(([row, pairs]) => linesOf([...pairs.values()]).map((line) => `${row}: ${line}`));
}

/** One teacher under the student's head, and under its own where such a run is known. */
interface Pair {
  readonly shared: NetworkResult;
  readonly own: NetworkResult | undefined;
}

const isShKd = ({ kind, options }: Training): boolean =>
  kind === 'distill-student-head' || (kind === 'distill' && options.method === 'sh-kd');

async function teachersOf(training: Training, trainings: readonly Training[]): Promise<Pair | undefined> {
  const last = training.kind === 'distill' ? await stageOf(training, 'distill-student-head', trainings) : training;
  const shared = last && (await stageOf(last, 'teacher-student-head', trainings));
  if (!shared) return undefined;
  const own =
    (await stageOf(training, 'teacher', trainings)) ?? trainings.find((other) => isTeacherOf(other, training));
  return { shared: shared.finished.result, own: own?.finished.result };
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

function linesOf(pairs: readonly Pair[]): readonly string[] {
  const heads = pairs.flatMap(({ shared: { head } }) => head ?? []);
  const losses = pairs.flatMap(({ shared, own }) => {
    const loss = trainLossOf(shared);
    return loss === undefined ? [] : [{ shared: loss, own: own && trainLossOf(own) }];
  });
  const whole = losses.flatMap(({ shared, own }) => (own === undefined ? [] : [{ shared, own }]));
  const compared = whole.length > 0 ? whole : losses;
  const over = (count: number) => (count > 1 ? ` Means over ${count} seeds.` : '');
  const [head] = heads;
  return [
    ...(head
      ? [
          geometryLine({
            ...head,
            largestCosine: mean(heads.map(({ largestCosine }) => largestCosine)),
            meanCosine: mean(heads.map(({ meanCosine }) => meanCosine)),
            effectiveRank: mean(heads.map(({ effectiveRank }) => effectiveRank)),
          }) + over(heads.length),
        ]
      : []),
    ...(compared.length > 0
      ? [
          lossLine({
            shared: mean(compared.map(({ shared }) => shared)),
            own: whole.length > 0 ? mean(whole.map(({ own }) => own)) : undefined,
          }) + over(compared.length),
        ]
      : []),
  ];
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
