/** Reads reference cases; `source` in each case names its origin. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ReferenceValues {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** The path of a file of cases; the environment variable REFERENCE_CASES replaces the fixtures' folder. */
export function referencePath(name: string): string {
  return join(process.env.REFERENCE_CASES || join(__dirname, '../fixtures/reference'), name);
}

export const hasReferenceFile = (name: string): boolean => existsSync(referencePath(name));

/** The content of a file of cases. */
export function referenceFile<T>(name: string): T {
  return JSON.parse(readFileSync(referencePath(name), 'utf8')) as T;
}

/** The largest difference divided by the largest expected magnitude; infinite if the lengths differ. */
export function relativeError(actual: ArrayLike<number>, { data }: ReferenceValues): number {
  if (actual.length !== data.length) return Number.POSITIVE_INFINITY;
  const largest = Math.max(...data.map(Math.abs));
  return Math.max(...data.map((value, i) => Math.abs(value - (actual[i] ?? Number.NaN)))) / largest;
}
