/** Points of metrics that home may not have written down when it is lost: the other workers keep them for the next home. */
import type { Metrics } from '../evaluation/metrics';
import type { Tracker } from './group';

export interface Point {
  readonly values: Metrics;
  readonly step: number;
}

/** Home writes each metric down within half a second, and no step with other workers takes half a millisecond. */
const recentPoints = 1000;

/** Points in a message. */
const pointsAtOnce = 200;

interface KeptPointsOptions {
  readonly isHome: boolean;
  readonly task: number;
  readonly tracker: Tracker;
  /** See `Member`. */
  readonly exchange: (value: unknown) => Promise<ReadonlyMap<number, unknown>>;
}

export interface KeptPoints {
  count(): number;
  /** Home's are tracked at once. While it is away all are kept: a training has too few of them to fill the memory. */
  track(point: Point, isHomeHere: boolean): void;
  /** The points of the member `root`, which keeps `count`, in all members. All must call it. */
  of(root: number, count: number): Promise<readonly Point[]>;
  replace(points: readonly Point[]): void;
  /** Home has all points on the disk before anybody forgets them. All must call it. */
  writeDown(): Promise<void>;
}

export function keptPoints({ isHome, task, tracker, exchange }: KeptPointsOptions): KeptPoints {
  let points: Point[] = [];
  return {
    count: () => points.length,
    track(point, isHomeHere) {
      if (isHome) tracker.metrics(point.values, point.step);
      else {
        if (points.push(point) > recentPoints && isHomeHere) points.shift();
        tracker.kept?.(point.step);
      }
    },
    async of(root, count) {
      const all: Point[] = [];
      for (let from = 0; from < count; from += pointsAtOnce) {
        const own = root === task ? points.slice(from, from + pointsAtOnce) : null;
        all.push(...((await exchange(own)).get(root) as readonly Point[]));
      }
      return all;
    },
    replace(others) {
      points = [...others];
    },
    async writeDown() {
      if (isHome) {
        for (const { values, step } of points) tracker.metrics(values, step);
        await tracker.flush();
      }
      await exchange(null);
      points = [];
    },
  };
}
