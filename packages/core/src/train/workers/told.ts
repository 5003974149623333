/** What workers tell each other when they meet, and what follows from it. */
import { replaceAfterFormings } from '../../cluster/worker-process';
import type { Metrics } from '../evaluation/metrics';
import type { Course } from './group';

export interface Point {
  readonly values: Metrics;
  readonly step: number;
}

/** What workers tell each other when they meet. */
export interface Told {
  readonly course: Course;
  /** The newest metrics: home may lack the last ones if it was killed. */
  readonly points: readonly Point[];
  /** See `Member.formings`. */
  readonly formings: number;
}

/** The task of the first worker that should be replaced, unless it is alone: one at a time, for the others keep the state. */
export function worn(all: ReadonlyMap<number, Told>): number | undefined {
  if (all.size === 1) return undefined;
  return [...all]
    .filter(([, { formings }]) => formings >= replaceAfterFormings)
    .map(([task]) => task)
    .sort((a, b) => a - b)[0];
}

/** The task of the worker that has got furthest; of several the first. */
export function furthest(all: ReadonlyMap<number, Told>): number {
  const isBeyond = (one: Course['position'], other: Course['position']): boolean =>
    one.step !== other.step
      ? one.step > other.step
      : one.epoch !== other.epoch
        ? one.epoch > other.epoch
        : one.batch > other.batch;
  const [first, ...others] = [...all].sort(([one], [other]) => one - other);
  if (!first) throw new Error('Nobody is there.');
  return others.reduce(
    (best, one) => (isBeyond(one[1].course.position, best[1].course.position) ? one : best),
    first,
  )[0];
}

/** JSON has no NaN and no infinity, which metrics may have. */
export const encode = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, one) =>
      typeof one === 'number' && !Number.isFinite(one) ? { number: String(one) } : one,
    ),
  );

export const decode = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, one) =>
    typeof one === 'object' && one !== null && typeof one.number === 'string' && Object.keys(one).length === 1
      ? Number(one.number)
      : one,
  );
