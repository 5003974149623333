/** The reference cases that tests check against: shapes as in fixtures/reference; see `source` in each case. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ReferenceValues {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** The path of a file of cases; REFERENCE_CASES names another folder than our own. */
export function referencePath(name: string): string {
  return join(process.env.REFERENCE_CASES || join(__dirname, '../fixtures/reference'), name);
}

export const hasReferenceFile = (name: string): boolean => existsSync(referencePath(name));

/** The content of a file of cases. */
export function referenceFile<T>(name: string): T {
  return JSON.parse(readFileSync(referencePath(name), 'utf8')) as T;
}

/** The largest difference over the largest magnitude expected; infinite when lengths differ. */
export function relativeError(actual: ArrayLike<number>, { data }: ReferenceValues): number {
  if (actual.length !== data.length) return Number.POSITIVE_INFINITY;
  const largest = Math.max(...data.map(Math.abs));
  return Math.max(...data.map((value, i) => Math.abs(value - (actual[i] ?? Number.NaN)))) / largest;
}
