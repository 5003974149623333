import { closest } from 'fastest-levenshtein';

/** The end of an error about an unknown name: the nearest valid name, then all of them. */
export function didYouMean(name: string, valid: readonly string[]): string {
  return valid.length === 0 ? 'there is none' : `did you mean '${closest(name, valid)}'? (valid: ${valid.join(', ')})`;
}
