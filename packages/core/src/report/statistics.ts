import { studentCdf, studentQuantile } from './student-t';

/** Mean and spread of one number over several runs. */
export interface Summary {
  readonly count: number;
  readonly mean: number;
  /** Sample standard deviation (divided by count - 1); undefined for a single run. */
  readonly std: number | undefined;
  /** 95 % confidence interval of the mean by Student's t; undefined for a single run. */
  readonly interval: readonly [low: number, high: number] | undefined;
}

/** Throws RangeError without values or with one that is not finite: a mean over part of the runs would mislead. */
export function summarise(values: readonly number[]): Summary {
  requireFinite(values);
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count === 1) return { count, mean, std: undefined, interval: undefined };
  const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1));
  const half = (studentQuantile(0.975, count - 1) * std) / Math.sqrt(count);
  return { count, mean, std, interval: [mean - half, mean + half] };
}

/** How one method differs from another when both ran with the same seeds. */
export interface PairedComparison {
  /** Of the differences `first[i] - second[i]`. */
  readonly difference: Summary;
  /** Student's t of the differences; undefined for a single pair and where all differences are 0. */
  readonly t: number | undefined;
  /** Two-sided p value of the paired t test against "no difference"; undefined for a single pair. */
  readonly p: number | undefined;
}

/**
 * Paired comparison of two methods, `first[i]` and `second[i]` having run with the same seed. It removes what the seed
 * alone does (data order, initial weights), which a comparison of two means would count as noise.
 * Throws RangeError when the lengths differ, without values, or with one that is not finite.
 */
export function comparePaired(first: readonly number[], second: readonly number[]): PairedComparison {
  if (first.length !== second.length) {
    throw new RangeError(`${first.length} values cannot be paired with ${second.length}`);
  }
  requireFinite(first);
  requireFinite(second);
  const difference = summarise(first.map((value, i) => value - (second[i] as number)));
  const { count, mean, std } = difference;
  if (std === undefined) return { difference, t: undefined, p: undefined };
  if (std === 0)
    return mean === 0
      ? { difference, t: undefined, p: 1 }
      : { difference, t: Math.sign(mean) * Number.POSITIVE_INFINITY, p: 0 };
  const t = mean / (std / Math.sqrt(count));
  return { difference, t, p: 2 * (1 - studentCdf(Math.abs(t), count - 1)) };
}

function requireFinite(values: readonly number[]): void {
  if (values.length === 0) throw new RangeError('There are no values to summarise');
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new RangeError(`Value ${bad} is ${values[bad]}, which has no mean with the others`);
}
