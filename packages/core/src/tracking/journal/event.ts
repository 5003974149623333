/** A dataset that a run trains or evaluates on, logged as an input of the run. */
export interface DatasetInput {
  readonly name: string;
  /** Distinguishes contents of the same name; at most 36 characters, MLflow's limit. */
  readonly digest: string;
  /** `training`, `validation` or `evaluation`. */
  readonly context: string;
  readonly source: DatasetSource;
  /** Shapes start with -1, the number of rows. */
  readonly features: readonly TensorSpec[];
  readonly targets?: readonly TensorSpec[];
  /** Rows, classes, image size and the like. */
  readonly profile: Readonly<Record<string, number | string>>;
}

/** The user's folder or file (absolute), or the package that generates the data (`face`). */
export type DatasetSource = { readonly path: string } | { readonly drawnBy: string };

/** One tensor of a signature; -1 is a variable size. */
export interface TensorSpec {
  readonly name: string;
  /** numpy's name, e.g. `uint8`. */
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** A network, logged as one of MLflow's models. */
export interface LoggedNetwork {
  readonly name: string;
  /** MLflow's free-text model type, e.g. `student`. */
  readonly kind: string;
  /** The model holds them side by side, under their own names. */
  readonly files: readonly LoggedFile[];
  /** The name of the file with the weights. */
  readonly checkpoint: string;
  /** The name of the file with the same network as ONNX; absent in journals from before there was one. */
  readonly servable?: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** The name of the file with an example of the inputs: JSON by input name. */
  readonly inputExample?: string;
  readonly params: Readonly<Record<string, string>>;
  /** The run's metrics when the network was logged. */
  readonly points: readonly MetricPoint[];
}

/** MLflow stores a point once, however often it is sent, if all four fields are equal. */
export interface MetricPoint {
  readonly name: string;
  readonly value: number;
  readonly step: number;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** A file with the content that it had when it was logged. */
export interface LoggedFile {
  /** The file's path at that time, relative to the journal's folder. */
  readonly path: string;
  readonly sha256: string;
  /** The name of its copy in the spool (`spool.ts`). */
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
   * `folder` is the folder among the run's artifacts, '' for the top. An event without a digest (from an older journal,
   * or for a file that could not be read) names a file or folder that is read when it is sent.
   */
  | ({ readonly type: 'artifact'; readonly folder: string } & (LoggedFile | { readonly path: string }))
  | { readonly type: 'model'; readonly model: LoggedNetwork }
  | { readonly type: 'finish'; readonly status: 'FINISHED' | 'FAILED' | 'KILLED' }
);

/** The events of one type. */
export type EventOf<T extends JournalEvent['type']> = Extract<JournalEvent, { type: T }>;

/** An event as one line, without the newline. NaN and infinities, which JSON lacks, become strings. */
export function encodeEvent(event: JournalEvent): string {
  const line = JSON.stringify(event);
  // JSON.stringify writes them as null. A replacer for every event would make a training step wait longer.
  return line.includes('null') ? JSON.stringify(event, spellNonFinite) : line;
}

const spellNonFinite = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;

/** The event of a line; undefined if the line is not a valid event. */
export function decodeEvent(line: string): JournalEvent | undefined {
  try {
    const event: unknown = JSON.parse(line);
    return isEvent(event) ? event : undefined;
  } catch {
    return undefined;
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** Checks the fields of each type; the check of metrics also turns their strings back into numbers. */
const isValid: Readonly<Record<JournalEvent['type'], (event: Fields) => boolean>> = {
  start: ({ id, experiment, name }) => isText(id) && isText(experiment) && isText(name),
  params: ({ params }) => isRecord(params) && Object.values(params).every(isText),
  metrics: ({ step, values }) => typeof step === 'number' && isRecord(values) && readNumbers(values),
  tags: ({ tags }) => isRecord(tags) && Object.values(tags).every(isText),
  dataset: ({ dataset }) => isRecord(dataset) && isDataset(dataset),
  artifact: (event) => isText(event.path) && isText(event.folder) && (event.sha256 === undefined || isFile(event)),
  model: ({ model }) => isRecord(model) && isNetwork(model),
  finish: ({ status }) => status === 'FINISHED' || status === 'FAILED' || status === 'KILLED',
};

const isDataset = ({ name, digest, context, source, features, profile }: Fields): boolean =>
  isText(name) && isText(digest) && isText(context) && isRecord(source) && Array.isArray(features) && isRecord(profile);

const isNetwork = ({ name, kind, files, checkpoint, servable, inputs, outputs, params, points }: Fields): boolean =>
  [name, kind, checkpoint].every(isText) &&
  (servable === undefined || isText(servable)) &&
  [inputs, outputs, points].every(Array.isArray) &&
  isRecord(params) &&
  Array.isArray(files) &&
  files.every((file) => isRecord(file) && isFile(file));

const isFile = ({ path, sha256, kept }: Fields): boolean => isText(path) && isText(sha256) && isText(kept);

function isEvent(event: unknown): event is JournalEvent {
  if (!isRecord(event) || typeof event.time !== 'number' || !isText(event.type)) return false;
  return Object.hasOwn(isValid, event.type) && isValid[event.type as JournalEvent['type']](event);
}

function readNumbers(values: Record<string, unknown>): boolean {
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === 'number') continue;
    if (value !== 'NaN' && value !== 'Infinity' && value !== '-Infinity') return false;
    values[name] = Number(value);
  }
  return true;
}

const isText = (value: unknown): value is string => typeof value === 'string';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
