/** Reads reference cases; `source` in each case names its origin. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ReferenceValues {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

const own = join(__dirname, '../fixtures/reference');

/** The path of a file of cases; the environment variable REFERENCE_CASES replaces the fixtures' folder. */
export function referencePath(name: string): string {
  return join(process.env.REFERENCE_CASES || own, name);
}

export const hasReferenceFile = (name: string): boolean => existsSync(referencePath(name));

/** The content of a file of cases. */
export function referenceFile<T>(name: string): T {
  return JSON.parse(readFileSync(referencePath(name), 'utf8')) as T;
}

/** As `referenceFile`, of a file that REFERENCE_CASES does not replace. */
export const ownReferenceFile = <T>(name: string): T => JSON.parse(readFileSync(join(own, name), 'utf8')) as T;

/** `test.each` of cases by their id; skipped where a set has none of this kind. */
export function testCases<T extends { readonly id: string }>(
  kind: string,
  cases: readonly T[],
  run: (one: T) => void,
): void {
  if (cases.length === 0) test.skip(`this set has no ${kind}`, () => undefined);
  else test.each(cases.map((one) => [one.id, one] as const))('%s', (_, one) => run(one));
}

/** The largest difference divided by the largest expected magnitude; infinite if the lengths differ. */
export function relativeError(actual: ArrayLike<number>, { data }: ReferenceValues): number {
  if (actual.length !== data.length) return Number.POSITIVE_INFINITY;
  const largest = Math.max(...data.map(Math.abs));
  return Math.max(...data.map((value, i) => Math.abs(value - (actual[i] ?? Number.NaN)))) / largest;
}
