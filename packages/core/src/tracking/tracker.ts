import type { DatasetInput } from './journal/event';
import type { TrackedNetwork } from './journal/file-events';

export interface TrackedRun {
  /** The Nx project, e.g. `face`: its runs are in MLflow's experiment `headshare/face`. */
  readonly package: string;
  /** The Nx target, e.g. `distill`. */
  readonly experiment: string;
  /** What tells the run apart in a list, e.g. `distill th-kd seed 1`. */
  readonly runName: string;
  /** The run's folder; the journal is written there. One that holds a journal already goes on with the same run. */
  readonly folder: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly tags?: Readonly<Record<string, string>>;
  /** A tracking server's address instead of MLFLOW_TRACKING_URI or the workspace's own server. */
  readonly trackingUri?: string;
  /** Takes sentences for the terminal; the standard error by default. */
  readonly log?: (sentence: string) => void;
}

/** Those that return nothing wait for neither the disk nor the server, and none fails the run. */
export interface Tracker {
  /** The run's own, by which others name it as their parent; undefined where it is not recorded. */
  readonly id?: string;
  /** Nested objects become dotted names. One that was told in an earlier part of the run keeps its value. */
  params(params: Readonly<Record<string, unknown>>): void;
  /** NaN and infinities are kept. A value whose step is not beyond its last one is left out: the run was resumed. */
  metrics(values: Readonly<Record<string, number>>, step: number): void;
  /** The step at which a metric was told last, in an earlier part of the run too; undefined: never yet. */
  lastStep(name: string): number | undefined;
  tags(tags: Readonly<Record<string, string>>): void;
  /** Says what the run reads; told again, it is the same. `from`: its folder or file; left out, the package draws it. */
  dataset(dataset: Omit<DatasetInput, 'source'> & { readonly from?: string | undefined }): void;
  /**
   * Keeps a file, or all files of a folder, with the run, as they are now: they may be replaced or removed at once, not
   * written in place. A model's files are with the model and are not kept again. `artifactPath`: its folder there.
   */
  artifact(path: string, artifactPath?: string): void;
  /** Puts a network among MLflow's logged models, its files as they are now. */
  model(network: TrackedNetwork): void;
  /** Resolves when all that was told so far is on the disk. */
  flush(): Promise<void>;
  /**
   * Ends the run and waits a limited time until everything is sent. `address`: the run's page in MLflow. `unsent`: why
   * part of the run is only in the journal so far. `note`: a sentence for the user about what will never be in MLflow.
   */
  finish(status: 'FINISHED' | 'FAILED' | 'KILLED'): Promise<TrackedEnd>;
}

export interface TrackedEnd {
  readonly address?: string;
  readonly unsent?: string;
  readonly note?: string;
}

/** Records nothing. */
export const noOpTracker: Tracker = {
  params: () => undefined,
  metrics: () => undefined,
  lastStep: () => undefined,
  tags: () => undefined,
  dataset: () => undefined,
  artifact: () => undefined,
  model: () => undefined,
  flush: async () => undefined,
  finish: async () => ({}),
};
