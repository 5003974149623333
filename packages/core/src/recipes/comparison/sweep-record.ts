/** The trainings of a sweep as its result keeps them: `compare --runs` makes one table of the shards of a sweep. */
import { join } from 'node:path';
import { type RowName, rowText, type SweptRun } from '../../experiment/sweep/plan-sweep';
import { isRecord } from '../../system/is-record';
import { runIdIn } from '../../tracking/sync/sync-state';
import type { Metrics } from '../../train/evaluation/metrics';
import type { Training } from './training';

/** Plain JSON data. */
export interface SweepRecord {
  /** `2/4`; absent for a whole sweep. */
  readonly shard?: string;
  /** All trainings of the sweep, those of other shards too, in the order of the report. */
  readonly trainings: readonly { readonly name: RowName; readonly seed: number; readonly key: string }[];
  /** The rows that each row is compared with. */
  readonly baselines: readonly (readonly [row: string, others: readonly string[]])[];
  /** The trainings that this run reports, by key. */
  readonly reported: Readonly<Record<string, ReportedTraining>>;
}

interface ReportedTraining {
  /** Its id in MLflow; absent where it was not sent. */
  readonly runId?: string;
  /** Metrics that compare it with a teacher, and are not in its own result. */
  readonly besideTeacher?: Metrics;
}

/** @param trainings those that the sweep, or its shard, reports */
export function sweepRecord(
  runs: readonly SweptRun[],
  trainings: readonly Training[],
  baselines: ReadonlyMap<string, readonly string[]>,
  shard: string | undefined,
): SweepRecord {
  const reported = trainings.map(({ finished, folder, besideTeacher }): [string, ReportedTraining] => {
    const runId = runIdIn(join(folder, 'journal.jsonl'));
    return [finished.key, { ...(runId !== undefined && { runId }), ...(besideTeacher && { besideTeacher }) }];
  });
  return {
    ...(shard !== undefined && { shard }),
    trainings: runs.map(({ name, seed, stage }) => ({ name, seed, key: stage.key })),
    baselines: [...baselines],
    reported: Object.fromEntries(reported),
  };
}

/** The record in the result of a sweep; undefined for other results, and for sweeps of older versions. */
export function sweepRecordIn(result: object): SweepRecord | undefined {
  const sweep: unknown = Reflect.get(result, 'sweep');
  if (!isRecord(sweep) || !isRecord(sweep.reported)) return undefined;
  const isWhole =
    [sweep.trainings, sweep.baselines].every(Array.isArray) && Object.values(sweep.reported).every(isRecord);
  return isWhole ? (sweep as unknown as SweepRecord) : undefined;
}

/**
 * Shards of one sweep as one record: of the same rows, seeds and keys, so of the same options, data and sources. They may
 * be shards of different numbers of machines. @returns undefined for records of different sweeps
 */
export function joinShards([first, ...others]: readonly SweepRecord[]): SweepRecord | undefined {
  if (first === undefined || others.some((other) => planOf(other) !== planOf(first))) return undefined;
  const reported = Object.assign({}, ...[first, ...others].map((one) => one.reported));
  return { trainings: first.trainings, baselines: first.baselines, reported };
}

const planOf = ({ trainings, baselines }: SweepRecord): string =>
  JSON.stringify([trainings.map(({ name, seed, key }) => [rowText(name), seed, key]), baselines]);
