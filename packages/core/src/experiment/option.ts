import { statSync } from 'node:fs';
import { closest } from 'fastest-levenshtein';
import { UserError } from '../system/user-error';

/**
 * One option of an experiment: its type, its valid values and its words in `--help`.
 * Made by `integer`, `number`, `oneOf`, `text`, `flag`, `list` and `optional`, never by hand.
 */
export interface Option<T> {
  readonly help: string;
  /** The value when neither a profile nor the command line gives one; `undefined` with `required`. */
  readonly default: T | undefined;
  /** Nothing gives a value by default: a profile or the command line must. */
  readonly required: boolean;
  /** What values are valid, to follow "must be": `a whole number of at least 1`. */
  readonly valid: string;
  /** A flag stands alone on the command line (`--flip-test`); the others want a value. */
  readonly isFlag: boolean;
  /** The value, or each of a list, names a file, whose content is what counts, or a folder, of which names, sizes and times of files do. */
  readonly names?: 'file' | 'folder';
  /** It changes how the work is done and nothing about its result: runs are not told apart by it. */
  readonly notInKey?: boolean;
  /** Given again on the command line, it adds to what was given before. */
  readonly isRepeatable?: boolean;
  /** Reads the command line's text for the option called `name` (as written: `--epochs`). Throws UserError. */
  readonly parse: (text: string, name: string) => T;
  /** Checks a value from a profile or a stage's overrides, and returns it. Throws UserError. */
  readonly check: (value: unknown, name: string) => T;
}

/** An experiment's options by name; names are camelCase, `teacherEpochs` is `--teacher-epochs` on the command line. */
export type Options = Readonly<Record<string, Option<unknown>>>;

/** The values that declared options resolve to: `{ epochs: integer(...) }` gives `{ epochs: number }`. */
export type Values<O extends Options> = { readonly [Name in keyof O]: O[Name] extends Option<infer T> ? T : never };

/**
 * How an option is written on the command line: `teacherEpochs` is `--teacher-epochs`. `batchSize` is `--batchSize`: Nx
 * takes any `--batch-...` for its own `--batch`, and drops it.
 */
export const flagName = (name: string): string =>
  /^batch[A-Z]/.test(name) ? `--${name}` : `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** The other way: `teacher-epochs` is `teacherEpochs`. */
export const camelCase = (name: string): string =>
  name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

interface Described<T> {
  /** One line for `--help`. */
  readonly help: string;
  /** Left out: the option is required. */
  readonly default?: T;
}

interface Ranged extends Described<number> {
  /** The smallest valid value. */
  readonly min?: number;
  /** The largest valid value. */
  readonly max?: number;
}

/** A whole number, optionally within [min, max]: `integer({ default: 12, min: 1, help: 'passes over the data' })`. */
export function integer(spec: Ranged): Option<number> {
  return numeric(spec, 'a whole number', Number.isSafeInteger);
}

/** Ends that are no valid values themselves. */
interface Open {
  readonly above?: number;
  /** Instead of `max`. */
  readonly below?: number;
}

/**
 * A finite number, optionally within [min, max], or above `above` (a temperature must be above 0, not at least 0), or
 * below `below`: `number({ default: 4, above: 0, help: 'softens the logits' })`.
 */
export function number(spec: Ranged & Open): Option<number> {
  return numeric(spec, 'a number', Number.isFinite);
}

/** One of a fixed set of words: `oneOf(['none', 'kd', 'th-kd'], 'th-kd', { help: 'what the student learns from' })`. */
export function oneOf<const T extends string>(
  values: readonly T[],
  fallback: NoInfer<T>,
  { help }: { readonly help: string },
): Option<T> {
  const check = (value: unknown, name: string): T => {
    const found = values.find((candidate) => candidate === value);
    if (found !== undefined) return found;
    throw new UserError(
      `${name}: unknown value '${shown(value)}'; did you mean '${closest(String(value), values)}'? (valid: ${values.join(', ')})`,
    );
  };
  return option({ help, default: fallback }, `one of ${values.join(', ')}`, check, (text) => text);
}

/** Any text: a path, a name. */
export function text(spec: Described<string>): Option<string> {
  const valid = 'text that is not empty';
  const check = (value: unknown, name: string): string => {
    if (typeof value !== 'string' || value === '') throw mustBe(value, name, valid);
    return value;
  };
  return option(spec, valid, check, (given) => given);
}

/** A file that is there. */
export function file(spec: { readonly help: string }): Option<string> {
  const valid = 'the path of a file';
  const check = (value: unknown, name: string): string => {
    if (typeof value !== 'string' || value === '') throw mustBe(value, name, valid);
    if (!statSync(value, { throwIfNoEntry: false })?.isFile())
      throw new UserError(`${name}: there is no file ${value}`);
    return value;
  };
  return { ...option(spec, valid, check, (given) => given), names: 'file' };
}

/** A folder that is there. */
export function folder(spec: { readonly help: string }): Option<string> {
  const valid = 'the path of a folder';
  const check = (value: unknown, name: string): string => {
    if (typeof value !== 'string' || value === '') throw mustBe(value, name, valid);
    if (!statSync(value, { throwIfNoEntry: false })?.isDirectory()) {
      throw new UserError(`${name}: there is no folder ${value}`);
    }
    return value;
  };
  return { ...option(spec, valid, check, (given) => given), names: 'folder' };
}

/** True or false; on the command line `--flip-test`, `--no-flip-test` or `--flip-test=false`. */
export function flag(spec: { readonly help: string; readonly default?: boolean }): Option<boolean> {
  const valid = 'true or false';
  const parse = (given: string): unknown => (given === 'true' ? true : given === 'false' ? false : given);
  const check = (value: unknown, name: string): boolean => {
    if (typeof value !== 'boolean') throw mustBe(value, name, valid);
    return value;
  };
  return { ...option({ help: spec.help, default: spec.default ?? false }, valid, check, parse), isFlag: true };
}

/**
 * Several values of one kind, separated by commas: `--seeds=0,1,2`.
 * `list(integer({ min: 0, help: '' }), { default: [0, 1], help: 'one run each' })`; at least `min` values (1).
 */
export function list<T>(
  of: Option<T>,
  spec: Described<readonly T[]> & { readonly min?: number },
): Option<readonly T[]> {
  const min = spec.min ?? 1;
  const valid = `a list of at least ${min} (each ${of.valid}), separated by commas`;
  const check = (value: unknown, name: string): readonly T[] => {
    if (!Array.isArray(value) || value.length < min) throw mustBe(value, name, valid);
    return value.map((item: unknown) => of.check(item, name));
  };
  const parse = (given: string, name: string): readonly T[] =>
    given === '' ? [] : given.split(',').map((item) => of.parse(item.trim(), name));
  return option(spec, valid, check, parse);
}

/** The same option, which may also be absent: `undefined` by default, and `--no-<name>` on the command line. */
export function optional<T>(of: Option<T>): Option<T | undefined> {
  return {
    ...of,
    default: undefined,
    required: false,
    check: (value, name) => (value === undefined ? undefined : of.check(value, name)),
  };
}

/** The same option, by which runs are not told apart: it changes how the work is done, and nothing about its result. */
export const notInKey = <T>(of: Option<T>): Option<T> => ({ ...of, notInKey: true });

/** An option that may be given several times; each time adds a value, in which commas have no meaning. None by default. */
export function repeatable<T>(of: Option<T>): Option<readonly T[]> {
  const check = (value: unknown, name: string): readonly T[] => {
    if (!Array.isArray(value)) throw mustBe(value, name, of.valid);
    return value.map((item: unknown) => of.check(item, name));
  };
  const parse = (given: string, name: string): readonly T[] => [of.parse(given, name)];
  return {
    help: of.help,
    default: [],
    required: false,
    valid: of.valid,
    isFlag: false,
    isRepeatable: true,
    check,
    parse,
  };
}

function numeric(
  { min, max, above, below, ...spec }: Ranged & Open,
  kind: string,
  isKind: (value: unknown) => boolean,
): Option<number> {
  const lower = above !== undefined ? `above ${above}` : min !== undefined ? `of at least ${min}` : undefined;
  const upper = below !== undefined ? `below ${below}` : max !== undefined ? `at most ${max}` : undefined;
  const range =
    above === undefined && min !== undefined && max !== undefined
      ? `from ${min} to ${max}`
      : [lower, upper].filter((part) => part !== undefined).join(' and ');
  const valid = range === '' ? kind : `${kind} ${range}`;
  const check = (value: unknown, name: string): number => {
    const inside =
      typeof value === 'number' &&
      isKind(value) &&
      value >= (min ?? Number.NEGATIVE_INFINITY) &&
      value <= (max ?? Number.POSITIVE_INFINITY) &&
      value > (above ?? Number.NEGATIVE_INFINITY) &&
      value < (below ?? Number.POSITIVE_INFINITY);
    if (!inside) throw mustBe(value, name, valid);
    return value;
  };
  // Number('') is 0 and Number('0x1') is 1: only what reads as a decimal number counts.
  const parse = (given: string): unknown =>
    /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(given) ? Number(given) : given;
  return option(spec, valid, check, parse);
}

function option<T>(
  { help, default: fallback }: Described<T>,
  valid: string,
  check: (value: unknown, name: string) => T,
  read: (text: string, name: string) => unknown,
): Option<T> {
  return {
    help,
    default: fallback,
    required: fallback === undefined,
    valid,
    isFlag: false,
    parse: (given, name) => check(read(given, name), name),
    check,
  };
}

const shown = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));

const mustBe = (value: unknown, name: string, valid: string): UserError =>
  new UserError(`${name} must be ${valid}, got ${value === '' ? 'nothing' : shown(value)}`);
