/** What workers tell each other when they meet, and what follows from it. */
import { replaceAfterFormings } from '../../cluster/worker-process';
import type { Course } from './group';

/** What workers tell each other when they meet. */
export interface Told {
  readonly course: Course;
  readonly isHome: boolean;
  /** It has met before, so it holds the training's state and the points that home may lack. */
  readonly hasState: boolean;
  /** The number of those points. */
  readonly points: number;
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

/**
 * The task of the worker that has got furthest; of several one that has the state, or else home, which reads it from files:
 * a newcomer may lack a phase that lies behind.
 */
export function furthest(all: ReadonlyMap<number, Told>): number {
  const [first] = [...all].sort(
    ([oneTask, one], [otherTask, other]) =>
      comparePositions(other.course.position, one.course.position) ||
      Number(other.hasState) - Number(one.hasState) ||
      Number(other.isHome) - Number(one.isHome) ||
      oneTask - otherTask,
  );
  if (!first) throw new Error('Nobody is there.');
  return first[0];
}

/** Negative: the first is behind. */
const comparePositions = (one: Course['position'], other: Course['position']): number =>
  one.step - other.step || one.epoch - other.epoch || one.batch - other.batch;

/**
 * Whether somebody needs the points that `root` keeps: home to write them down, or without home whoever may be asked for
 * them later.
 */
export function arePointsNeeded(all: ReadonlyMap<number, Told>, root: number): boolean {
  const { position } = (all.get(root) as Told).course;
  const everybody = [...all.values()];
  const keepers = everybody.some(({ isHome }) => isHome) ? everybody.filter(({ isHome }) => isHome) : everybody;
  return keepers.some(({ hasState, course }) => !hasState || comparePositions(course.position, position) < 0);
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
