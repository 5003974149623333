/** Who trains a network: this process alone, or a group of workers that change while it goes on (workers.ts). */
import type { StageWorkers } from '../../cluster/stage-workers';
import { LostPeers } from '../../runtime/cluster';
import type { SumType } from '../../runtime/ops/collective';
import type { Metrics } from '../evaluation/metrics';
import type { Spread } from '../evaluation/shared-outputs';
import type { Position } from '../resume-point';
import type { SliceRange } from '../slices';
import type { Reduction } from '../sums';

/** The workers of a command, as a training sees them. */
export interface Workers extends StageWorkers {
  readonly sums: SumType;
}

/** What a group needs of a run's tracker. */
export interface Tracker {
  metrics(values: Metrics, step: number): void;
  flush(): Promise<void>;
}

/** What a training has come to. */
export interface Course {
  position: Position;
  /** The metrics of the last epoch, if it was evaluated; unknown after a resume. */
  last?: Metrics | undefined;
}

export interface Group {
  /** Whether this worker writes checkpoints, journal and log. */
  readonly isHome: boolean;
  /** Makes the sums of this worker's slices those of all; undefined: it has all slices. */
  readonly reduction: Reduction | undefined;
  /** This worker's slices of every batch until the next meeting; undefined: all. */
  slices(): SliceRange | undefined;
  /** How evaluation is shared until the next meeting; undefined: it is not. */
  spread(): Spread | undefined;
  track(values: Metrics, step: number): void;
  /** @throws LostPeers when the workers have to meet, since one is lost, joins or leaves */
  requireStill(): void;
  /**
   * Waits for all workers and gives them the state and the course of the one that is furthest.
   * @param course is changed to that one
   */
  meet(course: Course): Promise<void>;
  /** Waits until all workers are here. @throws LostPeers when one is lost meanwhile */
  confirm(): Promise<void>;
}

export const alone = ({ tracker }: { readonly tracker: Tracker }): Group => ({
  isHome: true,
  reduction: undefined,
  slices: () => undefined,
  spread: () => undefined,
  track: tracker.metrics,
  requireStill: () => undefined,
  meet: async () => undefined,
  confirm: async () => undefined,
});

/**
 * Does the work, and again whenever workers were lost in it: it begins with a meeting.
 * @throws the signal's reason when it is aborted
 */
export async function goOn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof LostPeers)) throw error;
      signal.throwIfAborted();
    }
  }
}
