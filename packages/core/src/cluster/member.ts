import type { Membership } from '../system/membership';
import type { Address } from './addresses';
import type { Parts } from './messages';

export interface MemberOptions {
  readonly coordinator: Address;
  readonly token: string;
  readonly isHome: boolean;
  /** The CPU's threads of this worker: other workers should have as many. */
  readonly threads: number;
  /** Seconds for which a worker without coordinator, or without home, waits. Default: 10. */
  readonly patience?: number;
}

/** Why a worker closes: its work is done, is not done, or another process takes its place. */
export type Leaving = 'finished' | 'stopped' | 'returns';

/** A training process's place in the cluster. */
export interface Member {
  /** The worker's number for its life: TensorFlow keeps it. A replacement has another one. */
  readonly task: number;
  readonly isHome: boolean;
  /** HOST:PORT for the TensorFlow server of this process. */
  readonly address: string;
  /** The generations that this process took part in: TensorFlow's threads grow with each, so that a process is replaced. */
  readonly formings: number;
  /** A change of membership waits, or there is no generation. */
  readonly changing: boolean;
  /** Picks another port, because somebody has taken the one of `address`; it counts from the next forming. */
  otherPort(): Promise<void>;
  /**
   * Enters the group that trains under `label`. Resolves when home is in it. A member is in one group at a time.
   * @param parts must be equal in all workers: what the result depends on
   * @throws UserError (exit code 1) if a part differs from home's
   * @throws TrainingFinished if home has entered and left the label: its result is in the run's folder
   * @throws RunFinished if home has closed
   */
  enter(label: string, parts: Parts): Promise<void>;
  /** Leaves the group, after a step; home: because the training is finished. The others form anew if they do not leave as well. */
  leave(): Promise<void>;
  /**
   * Listens to changes. `now` false: somebody joins, so form anew after the step. `now` true: collectives in flight never
   * end and must be aborted (somebody is lost, or the others are quiet already); may follow on `now` false.
   * Silent while `reform` runs, except that `enable` may be told.
   * @returns stops listening
   */
  onChange(listener: (now: boolean) => void): () => void;
  /**
   * Takes part in forming: quiet, all enable, go; begins again by itself when the membership changes meanwhile.
   * Without a change that waits it asks for a new generation: call it when a collective has failed.
   * @param enable gives the membership to TensorFlow; if it throws for a taken port, another port is tried
   * @param options.hasState this worker holds the training's state and may go on without home; default: all wait for home
   * @returns the membership, when all its members are enabled
   * @throws what `enable` throws; the process should then end with `replacementCode`
   * @throws TrainingFinished, RunFinished as `enter`, when home has gone on without this member
   * @throws UserError (exit code 1) when home or the coordinator stays away
   */
  reform(
    enable: (membership: Membership) => void | Promise<void>,
    options?: { readonly hasState?: boolean },
  ): Promise<Membership>;
  /**
   * A barrier: each member of the generation gives a value of JSON (at most 1 MB) and gets everybody's.
   * @param label unique in the generation
   * @throws LostGeneration when the membership changes
   */
  exchange(label: string, value: unknown): Promise<ReadonlyMap<number, unknown>>;
  /** Home's notice board: keeps the last value of a key, for those who come later too. For home alone. */
  post(key: string, value: unknown): void;
  /** The last value of the key, when there is one that passes the test. */
  read(key: string, test?: (value: unknown) => boolean): Promise<unknown>;
  /** The last value of the key, if there is one now. */
  peek(key: string): unknown;
  /** This worker's work is over; with home's, everybody's, unless home returns. Rejects what waits. Default: finished. */
  close(how?: Leaving): Promise<void>;
}
