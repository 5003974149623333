import type { DatasetInput, LoggedNetwork } from './journal/event';

export interface TrackedRun {
  /** The Nx project, e.g. `face`; the MLflow experiment is `headshare/face`. */
  readonly package: string;
  /** The Nx target, e.g. `distill`. */
  readonly experiment: string;
  /** The run's name in lists, e.g. `distill th-kd seed 1`. */
  readonly runName: string;
  /** The run's folder, for the journal. If it already holds one, that run is resumed. */
  readonly folder: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly tags?: Readonly<Record<string, string>>;
  /** A tracking server's address; default: MLFLOW_TRACKING_URI, else the workspace's own server. */
  readonly trackingUri?: string;
  /** Prints a warning; default: to standard error. */
  readonly log?: (sentence: string) => void;
}

/** A network to log as one of MLflow's models. */
export interface TrackedNetwork extends Pick<LoggedNetwork, 'name' | 'kind' | 'servable' | 'inputs' | 'outputs'> {
  /** Paths; the first is the checkpoint. */
  readonly files: readonly [checkpoint: string, ...others: string[]];
  /** An example of the inputs, by input name. */
  readonly inputExample?: Readonly<Record<string, unknown>>;
  /** Nested objects become dotted names. */
  readonly params: Readonly<Record<string, unknown>>;
  /** The network's metrics; for metrics that the run logs, their last values. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Methods that return nothing wait for neither disk nor server; none of them fails the run. */
export interface Tracker {
  /** The journal's id, by which child runs name their parent; undefined if the run is not recorded. */
  readonly id?: string;
  /** Logs params; nested objects become dotted names. A param logged before, also before a resume, keeps its value. */
  params(params: Readonly<Record<string, unknown>>): void;
  /** Logs metrics, also NaN and infinities. Skips a metric whose step is not beyond its last one, as after a resume. */
  metrics(values: Readonly<Record<string, number>>, step: number): void;
  /** The last step of a metric, also from before a resume; undefined if it was never logged. */
  lastStep(name: string): number | undefined;
  tags(tags: Readonly<Record<string, string>>): void;
  /** Logs an input of the run. `from`: its folder or file; leave it out for data that the package generates. */
  dataset(dataset: Omit<DatasetInput, 'source'> & { readonly from?: string | undefined }): void;
  /**
   * Logs a file, or all files of a folder, with their present content: the caller may then replace or remove them, but
   * not write into them. Skips files that are part of a logged model. `artifactPath`: a folder among the artifacts.
   */
  artifact(path: string, artifactPath?: string): void;
  /** Logs a network as a model, with the present content of its files. */
  model(network: TrackedNetwork): void;
  /** Resolves when everything logged so far is on disk. */
  flush(): Promise<void>;
  /** Ends the run and waits a limited time for everything to be sent. */
  finish(status: 'FINISHED' | 'FAILED' | 'KILLED'): Promise<TrackedEnd>;
}

export interface TrackedEnd {
  /** The run's page in MLflow. */
  readonly address?: string;
  /** Why part of the run is only in the journal so far. */
  readonly unsent?: string;
  /** A sentence for the user about what will never be in MLflow. */
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
