import type { Threshold } from './card';

export interface Decision {
  /** The same person if the similarity is at least this. */
  readonly threshold: number;
  /** The share of genuine pairs that pass, 0 to 1. */
  readonly tar: number;
  /** The share of strangers who pass against at least one of the people, 0 to 1, if comparisons are independent. */
  readonly strangers: number;
}

/**
 * The threshold for a false accept rate. With a gallery of N people a stranger is compared N times, so that the rate
 * of one comparison has to be about N times smaller.
 * @param far the share of strangers who may pass, between 0 and 1
 * @param people in the gallery; 1 for the comparison of two pictures
 * @returns the most permissive measured threshold that keeps `far`
 * @throws Error without measured thresholds, where none is strict enough (see `strictestThreshold`), or for a rate or a
 * number of people that makes no sense
 */
export function thresholdFor(measured: readonly Threshold[] | undefined, far: number, people = 1): Decision {
  const permissive = usable(measured);
  if (!(far > 0 && far < 1)) throw new Error(`A false accept rate lies between 0 and 1, and is not ${far}`);
  requirePeople(people);
  // A tolerance, because 0.001 measured may come back as 0.0010000001.
  const chosen = permissive.find((one) => passing(one.far, people) <= far * (1 + 1e-6));
  if (chosen) return decision(chosen, people);
  const smallest = passing((permissive.at(-1) as Threshold).far, people);
  const among = people === 1 ? '' : ` among ${people} people`;
  throw new Error(
    `No threshold was measured that lets only ${far} of strangers pass${among}: the strictest lets ${Number(smallest.toPrecision(2))} pass`,
  );
}

/**
 * The strictest measured threshold, for galleries that are too large for the rate that one would like.
 * @throws Error without measured thresholds
 */
export function strictestThreshold(measured: readonly Threshold[] | undefined, people = 1): Decision {
  requirePeople(people);
  return decision(usable(measured).at(-1) as Threshold, people);
}

/** Thresholds measured on pairs enough, the most permissive first. */
function usable(measured: readonly Threshold[] | undefined): readonly Threshold[] {
  if (!measured || measured.length === 0) throw new Error('The file has no measured thresholds');
  const enough = measured.filter(({ measurable }) => measurable);
  if (enough.length === 0) throw new Error('The thresholds in the file were measured on too few pairs');
  return enough.sort((a, b) => b.far - a.far);
}

function requirePeople(people: number): void {
  if (Number.isInteger(people) && people >= 1) return;
  throw new Error(`A gallery has a whole number of people, at least 1, and not ${people}`);
}

/** The share of strangers who pass at least one of `people` comparisons. */
const passing = (rate: number, people: number): number =>
  people === 1 ? rate : -Math.expm1(people * Math.log1p(-rate));

/** `strangers` counts with the rate that the threshold really had on its pairs, which may differ from the one asked for. */
const decision = ({ threshold, tar, reachedFar }: Threshold, people: number): Decision => ({
  threshold,
  tar,
  strangers: passing(reachedFar, people),
});
