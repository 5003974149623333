/** A set of images that a run trains on or is judged on, as MLflow knows it: a data set used as an input. */
export interface DatasetInput {
  readonly name: string;
  /** Tells the data apart from others of the same name; at most 36 characters, MLflow's limit. */
  readonly digest: string;
  /** What it is used for: `training`, `validation`, `evaluation`. */
  readonly context: string;
  readonly source: DatasetSource;
  /** What one row of it is: -1 is the row. */
  readonly features: readonly TensorSpec[];
  readonly targets?: readonly TensorSpec[];
  /** Rows, classes, image size and the like, told beside it. */
  readonly profile: Readonly<Record<string, number | string>>;
}

/** Where data come from: a folder or file of the user's (absolute), or the package whose experiments draw them (`face`). */
export type DatasetSource = { readonly path: string } | { readonly drawnBy: string };

/** One tensor of a signature; -1 is a size that varies. */
export interface TensorSpec {
  readonly name: string;
  /** numpy's name, e.g. `uint8`. */
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** A network among MLflow's logged models. */
export interface LoggedNetwork {
  readonly name: string;
  /** Free words of MLflow's: what it is of, e.g. `student`. */
  readonly kind: string;
  /** They lie side by side in the model, under their own names. */
  readonly files: readonly LoggedFile[];
  /** The name of the one among them that holds the weights. */
  readonly checkpoint: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** The name of the one among them that holds an input of that signature, as JSON by the inputs' names. */
  readonly inputExample?: string;
  readonly params: Readonly<Record<string, string>>;
  /** What it was measured at when it was kept: points of the run's own metrics. */
  readonly points: readonly MetricPoint[];
}

/** A value of a metric: MLflow keeps one that is sent again once where all of it is the same. */
export interface MetricPoint {
  readonly name: string;
  readonly value: number;
  readonly step: number;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** A file as it was when it was logged: it may have been replaced since. */
export interface LoggedFile {
  /** Where it lay, relative to the journal's folder. */
  readonly path: string;
  readonly sha256: string;
  /** Its name among the files that are kept until they are sent (see `kept-files.ts`). */
  readonly kept: string;
}

/** One line of a run's journal. `time` is in milliseconds since 1970. */
export type JournalEvent = { readonly time: number } & (
  | { readonly type: 'start'; readonly id: string; readonly experiment: string; readonly name: string }
  | { readonly type: 'params'; readonly params: Readonly<Record<string, string>> }
  | { readonly type: 'metrics'; readonly step: number; readonly values: Readonly<Record<string, number>> }
  | { readonly type: 'tags'; readonly tags: Readonly<Record<string, string>> }
  | { readonly type: 'dataset'; readonly dataset: DatasetInput }
  /**
   * `folder`: among the run's artifacts, '' for the top. A file is there under its own name. Without a digest (journals
   * of before they were kept, a file that could not be read) it is read when it is sent, and may be a folder.
   */
  | ({ readonly type: 'artifact'; readonly folder: string } & (LoggedFile | { readonly path: string }))
  | { readonly type: 'model'; readonly model: LoggedNetwork }
  | { readonly type: 'finish'; readonly status: 'FINISHED' | 'FAILED' | 'KILLED' }
);

/** The events of one type. */
export type EventOf<T extends JournalEvent['type']> = Extract<JournalEvent, { type: T }>;
