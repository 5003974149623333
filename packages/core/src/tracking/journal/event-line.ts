import type { JournalEvent } from './event';

/** One line, without its end. JSON has no NaN and no infinities: they are written as strings. */
export function encodeEvent(event: JournalEvent): string {
  const line = JSON.stringify(event);
  // JSON.stringify has made nulls of them. Asking about every value takes a quarter longer, and a step waits for it.
  return line.includes('null') ? JSON.stringify(event, spellNonFinite) : line;
}

const spellNonFinite = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;

/** The event of a line; undefined when it is none. */
export function decodeEvent(line: string): JournalEvent | undefined {
  try {
    const event: unknown = JSON.parse(line);
    return isEvent(event) ? event : undefined;
  } catch {
    return undefined;
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** What each type of event must have besides its time; metrics' numbers are put in the place of their strings. */
const holds: Readonly<Record<JournalEvent['type'], (event: Fields) => boolean>> = {
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

const isNetwork = ({ name, kind, files, checkpoint, inputs, outputs, params, points }: Fields): boolean =>
  [name, kind, checkpoint].every(isText) &&
  [inputs, outputs, points].every(Array.isArray) &&
  isRecord(params) &&
  Array.isArray(files) &&
  files.every((file) => isRecord(file) && isFile(file));

const isFile = ({ path, sha256, kept }: Fields): boolean => isText(path) && isText(sha256) && isText(kept);

function isEvent(event: unknown): event is JournalEvent {
  if (!isRecord(event) || typeof event.time !== 'number' || !isText(event.type)) return false;
  return Object.hasOwn(holds, event.type) && holds[event.type as JournalEvent['type']](event);
}

function readNumbers(values: Record<string, unknown>): boolean {
  for (const name of Object.keys(values)) {
    const value = values[name];
    if (typeof value === 'number') continue;
    if (value !== 'NaN' && value !== 'Infinity' && value !== '-Infinity') return false;
    values[name] = Number(value);
  }
  return true;
}

const isText = (value: unknown): value is string => typeof value === 'string';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
