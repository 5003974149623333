/** Mean and spread of a metric over several runs. */
export interface Summary {
  readonly count: number;
  readonly mean: number;
  /** The sample standard deviation (divided by count - 1); undefined for a single run. */
  readonly std: number | undefined;
  /** The 95 % confidence interval of the mean by Student's t; undefined for a single run. */
  readonly interval: readonly [low: number, high: number] | undefined;
}

/** Throws RangeError if there is no value or one is not finite: a mean over part of the runs would mislead. */
export function summarise(given: readonly number[]): Summary {
  requireFinite(given);
  // Ascending, so that the last digit does not depend on the order in which seeds were named.
  const values = [...given].sort((a, b) => a - b);
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count === 1) return { count, mean, std: undefined, interval: undefined };
  const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1));
  const half = (studentQuantile(0.975, count - 1) * std) / Math.sqrt(count);
  return { count, mean, std, interval: [mean - half, mean + half] };
}

/** The difference of two methods over the same seeds. */
export interface PairedComparison {
  /** The summary of `first[i] - second[i]`. */
  readonly difference: Summary;
  /** Student's t of the differences; undefined for a single pair or if all differences are 0. */
  readonly t: number | undefined;
  /** Two-sided p value of the paired t test against "no difference"; undefined for a single pair. */
  readonly p: number | undefined;
}

/**
 * Compares two methods in pairs with the same seed, `first[i]` and `second[i]`. This removes the effect of the seed (data
 * order, initial weights), which a comparison of two means would count as noise.
 * Throws RangeError if the lengths differ, there is no value or one is not finite.
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

/**
 * The distribution function of Student's t for a whole number of degrees of freedom, by the finite series of Abramowitz
 * and Stegun, 26.7.3 and 26.7.4; exact to rounding.
 */
export function studentCdf(t: number, degrees: number): number {
  if (!Number.isInteger(degrees) || degrees < 1) {
    throw new RangeError(`Student's t needs a whole number of degrees of freedom from 1, not ${degrees}`);
  }
  const angle = Math.atan(t / Math.sqrt(degrees));
  const sine = Math.sin(angle);
  const cosine = Math.cos(angle);
  const odd = degrees % 2 === 1;
  let term = odd ? cosine : 1;
  let sum = 0;
  for (let k = odd ? 1 : 0; k < degrees - 1; k += 2) {
    sum += term;
    term *= (cosine * cosine * (k + 1)) / (k + 2);
  }
  const within = odd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
  return (1 + within) / 2;
}

/** The inverse of `studentCdf` for a probability strictly between 0 and 1. */
export function studentQuantile(probability: number, degrees: number): number {
  if (!(probability > 0 && probability < 1)) {
    throw new RangeError(`A quantile needs a probability between 0 and 1, not ${probability}`);
  }
  if (probability < 0.5) return -studentQuantile(1 - probability, degrees);
  let low = 0;
  let high = 1;
  while (studentCdf(high, degrees) < probability) high *= 2;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) return middle;
    if (studentCdf(middle, degrees) < probability) low = middle;
    else high = middle;
  }
}
