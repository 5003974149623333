/** Who trains a network: this process alone, or a group of workers that change while it goes on (workers.ts). */
import type { StageWorkers } from '../../cluster/stage-workers';
import type { ImageDataset } from '../../data/dataset';
import { LostPeers } from '../../runtime/cluster';
import type { SumType } from '../../runtime/ops/collective';
import type { StoredValues } from '../../runtime/stored-values';
import type { ShardPlace } from '../class-shards';
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
  /** In a worker that is not home: it keeps the metrics of a step for home. */
  kept?(step: number): void;
  flush(): Promise<void>;
}

/** What a training has come to. */
export interface Course {
  position: Position;
  /** The metrics of the last epoch, if it was evaluated; unknown after a resume. */
  last?: Metrics | undefined;
}

/** What a worker wants before the next step; with shared classes all do it together, since each has a part of the state. */
export interface Wishes {
  /** A checkpoint is due, or everybody ends or meets after one. */
  readonly save: boolean;
  readonly stop: boolean;
  /** Workers join or leave. */
  readonly change: boolean;
}

/** Whole tables, in a file of home; none in other workers. */
export interface Tables {
  readonly values: ReadonlyMap<string, StoredValues>;
  /** Frees the file. */
  close(): void;
}

/** What the members of a group do together because each holds some of the head's classes (--shard-classes). */
export interface SharedClasses {
  /** Waits for all workers. @returns this one's share of the classes, for as long as the members stay */
  form(): Promise<ShardPlace>;
  /** What at least one of the members wants. */
  agree(wishes: Omit<Wishes, 'change'>): Promise<Wishes>;
  /** See `TableExchange`; nothing is dealt if home has no tables. */
  deal(whole: ReadonlyMap<string, StoredValues> | undefined): Promise<void>;
  collect(folder: string): Promise<Tables>;
}

/** The members of a group have changed, and who holds which classes: all begin anew from home's last checkpoint. */
export class ClassesDealtAnew extends Error {
  override readonly name = 'ClassesDealtAnew';
  constructor(options?: ErrorOptions) {
    super('the workers have changed', options);
  }
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
  /** Absent: all workers hold all classes. */
  readonly shared?: SharedClasses;
  track(values: Metrics, step: number): void;
  /** @throws LostPeers when the workers have to meet, since one is lost, joins or leaves */
  requireStill(): void;
  /** Waits for home before what it alone can do. @throws LostPeers when it comes, since all have to meet then */
  requireHome(): Promise<void>;
  /**
   * Waits for all workers and gives them the state and the course of the one that is furthest.
   * @param course is changed to that one
   */
  meet(course: Course): Promise<void>;
  /** Home's value of JSON, in all workers, which must all call it while home is here. @throws LostPeers when one is lost meanwhile */
  ofHome<T>(value: T): Promise<T>;
  /**
   * Waits until all workers are here, and tells all which of the images one of them could not read.
   * @throws LostPeers when one is lost meanwhile
   */
  confirm(images: ImageDataset): Promise<void>;
}

export const alone = ({ tracker }: { readonly tracker: Tracker }): Group => ({
  isHome: true,
  reduction: undefined,
  slices: () => undefined,
  spread: () => undefined,
  track: tracker.metrics,
  requireStill: () => undefined,
  requireHome: async () => undefined,
  meet: async () => undefined,
  ofHome: async (value) => value,
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
