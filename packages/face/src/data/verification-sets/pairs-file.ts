import type { UserError } from '@headshare/core/system/user-error';
import type { Refuse } from '@headshare/core/weights/refusal';

/** An image of LFW: `<name>/<name>_<number, four digits>`. */
export interface NamedImage {
  readonly name: string;
  /** From 1. */
  readonly number: number;
}

interface NamedPairs {
  readonly pairs: readonly { readonly left: NamedImage; readonly right: NamedImage; readonly same: boolean }[];
  readonly folds: number;
}

/**
 * Parses LFW's `pairs.txt`: `<folds>\t<n>`, then for each fold n lines `<name> <i> <j>` (the same person) and n lines
 * `<name> <i> <name> <j>`. A first line with only `<n>` means one fold (`pairsDevTest.txt`).
 * @throws UserError that names the line
 */
export function readPairsFile(text: string, refuse: Refuse): NamedPairs {
  const lines = text.split('\n').map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  const [first = '', ...rest] = lines;
  const numbers = first.split(/\s+/);
  if (numbers.length > 2 || !numbers.every(isNumber)) {
    throw refuse(
      `line 1 is '${first.slice(0, 40)}' instead of the number of folds and of pairs of a kind in each fold`,
    );
  }
  const [folds, perKind] = (numbers.length === 2 ? numbers : ['1', ...numbers]).map(Number) as [number, number];
  if (folds * perKind * 2 !== rest.length) {
    throw refuse(`it has ${rest.length} pairs instead of ${folds} x 2 x ${perKind}, as line 1 says`);
  }
  const pairs = rest.map((line, i) => {
    const same = Math.floor(i / perKind) % 2 === 0;
    return pairOf(line.split(/\s+/), same, () => refuse(`line ${i + 2} is not ${same ? sameForm : otherForm}`));
  });
  return { pairs, folds };
}

const sameForm = '<name> <number> <number>: a pair of the same person';
const otherForm = '<name> <number> <name> <number>: a pair of different people';
const isNumber = (text: string | undefined): text is string => text !== undefined && /^[1-9]\d{0,6}$/.test(text);
// Names become parts of paths.
const isName = (text: string | undefined): text is string =>
  text !== undefined && /^[^/\\\0]*[^/\\\0.][^/\\\0]*$/.test(text);

function pairOf(words: readonly string[], same: boolean, refuse: () => UserError): NamedPairs['pairs'][number] {
  const [name, number, ...others] = words;
  const [otherName, otherNumber] = same ? [name, others[0]] : others;
  const right = words.length === (same ? 3 : 4) && isName(name) && isName(otherName);
  if (!right || !isNumber(number) || !isNumber(otherNumber) || (!same && name === otherName)) throw refuse();
  return {
    left: { name, number: Number(number) },
    right: { name: otherName, number: Number(otherNumber) },
    same,
  };
}
