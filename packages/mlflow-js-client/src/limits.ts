import { invalid } from './error';
import type { KeyValue } from './key-value';

/**
 * MLflow 3's limits: entries and bytes of a runs/log-batch request, characters of names and values
 * (mlflow/utils/validation.py).
 */
export const limits = {
  metrics: 1000,
  params: 100,
  tags: 100,
  entities: 1000,
  bytes: 1_000_000,
  keyLength: 250,
  paramLength: 6000,
  tagLength: 8000,
  /** Datasets in a runs/log-inputs request. */
  datasets: 1000,
  datasetNameLength: 500,
  datasetDigestLength: 36,
  datasetSourceLength: 65_535,
  datasetSchemaLength: 1_048_575,
  datasetProfileLength: 16_777_215,
} as const;

/** Throws INVALID_PARAMETER_VALUE if `text` has more than `longest` characters (code points, as in Python). */
export function checkLength(what: string, text: string, longest: number): void {
  // A text has at least as many UTF-16 units as code points.
  if (text.length <= longest) return;
  const length = [...text].length;
  if (length > longest) throw invalid(`${what} has ${length} characters; MLflow allows ${longest}`);
}

/** Checks a name and value. Depending on its configuration, a server silently cuts long values. */
export function checkEntry(what: 'param' | 'tag' | 'metric', key: string, value?: string): void {
  if (key === '') throw invalid(`a ${what} has no name`);
  checkLength(`the name of ${what} "${key.slice(0, 40)}..."`, key, limits.keyLength);
  if (value === undefined) return;
  if (typeof value !== 'string') throw invalid(`${what} "${key}" is ${value}, not a text`);
  checkLength(`${what} "${key}"`, value, what === 'param' ? limits.paramLength : limits.tagLength);
}

export function checkEntries(what: 'param' | 'tag', entries: readonly KeyValue[]): void {
  for (const { key, value } of entries) checkEntry(what, key, value);
}
