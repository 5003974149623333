import type { FinishedRun } from '@headshare/core/experiment/define';
import { studentQuantile, summarise } from '@headshare/core/report/statistics';

/** A final metric of both runs. Not a number is null, as JSON keeps it. */
export interface MetricPair {
  readonly name: string;
  readonly before: number | null | undefined;
  readonly after: number | null | undefined;
}

export interface Comparison {
  readonly metrics: readonly MetricPair[];
  /** Those that are not the same number. */
  readonly changed: readonly MetricPair[];
  /** Weights that were compared, by digests. */
  readonly weights: readonly string[];
  /** Those of other bytes, and those that only one run has. */
  readonly changedWeights: readonly string[];
  /** Stages, `teacher 1a2b3c4d5e6f`, whose weights became others; undefined where the run did not keep theirs. */
  readonly changedStages: readonly string[] | undefined;
}

/** What two runs of the same work came to, side by side. */
export function compareResults(run: FinishedRun, again: FinishedRun): Comparison {
  const names = [...new Set([...Object.keys(run.result.metrics), ...Object.keys(again.result.metrics)])];
  const metrics = names.map((name) => ({
    name,
    before: run.result.metrics[name],
    after: again.result.metrics[name],
  }));
  const [old, fresh] = [weightsOf(run.digests), weightsOf(again.digests)];
  const weights = run.digests === undefined ? [] : [...new Set([...Object.keys(old), ...Object.keys(fresh)])];
  return {
    metrics,
    changed: metrics.filter((one) => !Object.is(one.before, one.after)),
    weights,
    changedWeights: weights.filter((file) => old[file] !== fresh[file]),
    changedStages: run.stages?.flatMap(({ experiment, key, digests }, index) => {
      const stage = again.stages?.[index];
      const theirs = weightsOf(digests);
      const made = stage?.experiment === experiment ? weightsOf(stage.digests) : {};
      return Object.keys(theirs).every((file) => theirs[file] === made[file]) ? [] : [`${experiment} ${key}`];
    }),
  };
}

const weightsOf = (digests: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(digests).filter(([file]) => file.endsWith('.safetensors')));

/** How far apart two runs of the same work may be. */
export type Yardstick =
  | { readonly kind: 'tolerance'; readonly tolerance: number }
  /** The final metrics of runs that differ in the seed alone, by seed: the run's own among them. */
  | {
      readonly kind: 'seeds';
      readonly bySeed: ReadonlyMap<string, Readonly<Record<string, number>>>;
      readonly from: string;
    };

export interface Judged extends MetricPair {
  /** The largest difference that counts as the same; undefined where nothing is known. */
  readonly allowed: number | undefined;
  readonly within: boolean;
}

/** With fewer, a deviation says next to nothing. */
export const fewestSeeds = 3;

/** The chance of calling a run another that is not, over all its metrics together. */
const significance = 0.05;

/**
 * Judges metrics that changed. By seeds: a metric is within the spread where its two values are no farther apart than
 * two seeds may be: Student's t of their difference over sqrt(2) deviations, at a level of 5 % shared by all metrics.
 */
export function judge({ metrics, changed }: Comparison, yardstick: Yardstick | undefined): readonly Judged[] {
  return changed.map((pair) => {
    const { before, after } = pair;
    const allowed = yardstick && allowedFor(pair.name, metrics.length, yardstick);
    const numbers = typeof before === 'number' && typeof after === 'number';
    return { ...pair, allowed, within: numbers && allowed !== undefined && Math.abs(after - before) <= allowed };
  });
}

function allowedFor(name: string, metrics: number, yardstick: Yardstick): number | undefined {
  if (yardstick.kind === 'tolerance') return yardstick.tolerance;
  const values = [...yardstick.bySeed.values()].flatMap((one) =>
    Number.isFinite(one[name]) ? [one[name] as number] : [],
  );
  if (values.length < fewestSeeds) return undefined;
  const { std = 0 } = summarise(values);
  return studentQuantile(1 - significance / metrics / 2, values.length - 1) * Math.SQRT2 * std;
}
