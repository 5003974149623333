import type { FinishedRun } from '@headshare/core/experiment/define';
import { studentQuantile, summarise } from '@headshare/core/report/statistics';

/** A final metric of both runs; NaN is null, as in JSON. */
export interface MetricPair {
  readonly name: string;
  readonly before: number | null | undefined;
  readonly after: number | null | undefined;
}

export interface Comparison {
  readonly metrics: readonly MetricPair[];
  /** The metrics whose values differ. */
  readonly changed: readonly MetricPair[];
  /** Files of weights that have digests to compare. */
  readonly weights: readonly string[];
  /** The files whose bytes differ, or that only one run has. */
  readonly changedWeights: readonly string[];
  /** Stages (`teacher 1a2b3c4d5e6f`) whose weights differ; undefined if the run did not record its stages. */
  readonly changedStages: readonly string[] | undefined;
}

/** Compares the results of two runs. */
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

/** The measure for differences between two runs. */
export type Yardstick =
  | { readonly kind: 'tolerance'; readonly tolerance: number }
  /** Final metrics by seed of runs that differ only in the seed, the run's own included. */
  | {
      readonly kind: 'seeds';
      readonly bySeed: ReadonlyMap<string, Readonly<Record<string, number>>>;
      readonly from: string;
    };

export interface CheckedMetric extends MetricPair {
  /** The largest difference that counts as the same; undefined if unknown. */
  readonly allowed: number | undefined;
  readonly within: boolean;
}

/** Fewer seeds do not give a useful deviation. */
export const fewestSeeds = 3;

/** The chance to call an equivalent run different, over all its metrics together. */
const significance = 0.05;

/**
 * Tests each changed metric against the measure. For seeds, the allowed difference is that of two seeds by Student's t
 * test: the quantile times sqrt(2) standard deviations, at a level of 5 % that all metrics share (Bonferroni).
 */
export function checkMetrics(
  { metrics, changed }: Comparison,
  yardstick: Yardstick | undefined,
): readonly CheckedMetric[] {
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
