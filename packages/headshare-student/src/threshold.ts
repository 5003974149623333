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
 * @returns the most permissive measured threshold that keeps `far`; the strictest one if none does: look at `strangers`
 * @throws Error without measured thresholds, or for a rate or a number of people that makes no sense
 */
export function thresholdFor(measured: readonly Threshold[] | undefined, far: number, people = 1): Decision {
  if (!measured || measured.length === 0) throw new Error('The file has no measured thresholds');
  if (!(far > 0 && far < 1)) throw new Error(`A false accept rate lies between 0 and 1, and is not ${far}`);
  if (!Number.isInteger(people) || people < 1) {
    throw new Error(`A gallery has a whole number of people, at least 1, and not ${people}`);
  }
  const strangers = (rate: number) => (people === 1 ? rate : -Math.expm1(people * Math.log1p(-rate)));
  const usable = measured.filter(({ measurable }) => measurable);
  if (usable.length === 0) throw new Error(`The thresholds in the file were measured on too few pairs`);
  const permissive = [...usable].sort((a, b) => b.far - a.far);
  // A tolerance, because 0.001 measured may come back as 0.0010000001.
  const chosen = permissive.find((one) => strangers(one.far) <= far * (1 + 1e-6)) ?? permissive.at(-1);
  const { threshold, tar, far: rate } = chosen as Threshold;
  return { threshold, tar, strangers: strangers(rate) };
}
