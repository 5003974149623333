import { isFile, isFolder, notAFile, notAFolder } from '../system/archive';
import { decimal } from '../system/decimal';
import { didYouMean } from '../system/did-you-mean';
import { UserError } from '../system/user-error';

/**
 * One option of an experiment or command: its type, valid values and help.
 * Made by `integer`, `number`, `oneOf`, `text`, `file`, `folder`, `flag`, `list`, `optional` and `repeatable`; `size` in size-option.ts.
 */
export interface Option<T> {
  readonly kind: 'integer' | 'number' | 'choice' | 'text' | 'file' | 'folder' | 'flag' | 'list' | 'size';
  /** A few words for its line in `--help`. */
  readonly help: string;
  /** The heading in `--help`; see `group`. */
  readonly group?: string;
  /** The value if neither a profile nor the command line sets one; `undefined` if `required` or optional. */
  readonly default: T | undefined;
  /** A profile or the command line must set it. */
  readonly required: boolean;
  /** The effect of leaving out an optional option, for `--help`: `the method's own`. */
  readonly absent?: string;
  /** The valid values, to follow "must be": `a whole number of at least 1`. */
  readonly valid: string;
  /** The valid range of a number, for `--help`: `>= 1`. */
  readonly range?: string;
  /** The sign for the value in `--help`; by default the kind's: `N` for an integer. */
  readonly placeholder?: string;
  /** The valid values of a choice. */
  readonly choices?: readonly string[];
  /** The command that prints `choices`, if `--help` should show only a few of them: `core:models`. */
  readonly listedBy?: string;
  /**
   * The value, or each of a list, is a path whose content enters the run key: the bytes of a file, or the names, sizes
   * and modification times of a folder's files.
   */
  readonly names?: 'file' | 'folder';
  /**
   * Its value is left out of the run key, because it changes how the work is done and not its result. `default`: the key
   * has the option's default instead, as it had when the value was part of it, so that older runs are found.
   */
  readonly notInKey?: boolean | 'default';
  /** Of the option that chooses the data set: the value that stands for synthetic data. */
  readonly synthetic?: string;
  /** The only data on which it has an effect. */
  readonly onlyFor?: 'synthetic' | 'files';
  /** Names of options, of each list of which one must have a value where this one is given. */
  readonly needs?: (value: unknown) => readonly (readonly string[])[];
  /** It describes the data: a profile's value counts only for data of the profile's kind, synthetic or in files. */
  readonly ofData?: boolean;
  /** May be given several times; each adds to the list. */
  readonly isRepeatable?: boolean;
  /** Reads text from the command line. `name`: the flag, for errors. Throws UserError. */
  readonly parse: (text: string, name: string) => T;
  /** Checks a value from a profile or from a stage's overrides, and returns it. Throws UserError. */
  readonly check: (value: unknown, name: string) => T;
}

/** Options by name; names are camelCase, `teacherEpochs` is `--teacher-epochs` on the command line. */
export type Options = Readonly<Record<string, Option<unknown>>>;

/** The values of declared options: `{ epochs: integer(...) }` gives `{ epochs: number }`. */
export type Values<O extends Options> = { readonly [Name in keyof O]: O[Name] extends Option<infer T> ? T : never };

/**
 * The flag of an option: `--teacher-epochs` for `teacherEpochs`, but `--batchSize` for `batchSize`: Nx takes every
 * `--batch-...` for its own `--batch` and drops it.
 */
export const flagName = (name: string): string =>
  isCamelCaseFlag(name) ? `--${name}` : `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

export const isCamelCaseFlag = (name: string): boolean => /^batch[A-Z]/.test(name);

/** The inverse of `flagName`: `teacherEpochs` for `teacher-epochs`. */
export const camelCase = (name: string): string =>
  name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** A value as the command line takes it. */
export const valueText = (value: unknown): string => (Array.isArray(value) ? value.join(',') : String(value));

/** Puts options under a heading of `--help`. */
export const group = <const O extends Options>(heading: string, options: O): O =>
  Object.fromEntries(Object.entries(options).map(([name, option]) => [name, { ...option, group: heading }])) as O;

interface Described<T> {
  /** A few words for its line in `--help`. */
  readonly help: string;
  /** Left out: the option is required. */
  readonly default?: T;
  /** See `Option.notInKey`. */
  readonly notInKey?: Option<T>['notInKey'];
}

interface NumberSpec extends Described<number> {
  readonly min?: number;
  readonly max?: number;
  /** Instead of `min`: a bound that is not valid itself. */
  readonly above?: number;
  /** Instead of `max`: a bound that is not valid itself. */
  readonly below?: number;
}

/** A whole number, optionally within bounds: `integer({ default: 12, min: 1, help: 'passes over the data' })`. */
export function integer(spec: NumberSpec): Option<number> {
  return numeric('integer', spec, 'a whole number', Number.isSafeInteger);
}

/** A finite number, optionally within bounds: `number({ default: 4, above: 0, help: 'softmax temperature' })`. */
export function number(spec: NumberSpec): Option<number> {
  return numeric('number', spec, 'a number', Number.isFinite);
}

/** One of a fixed set of words: `oneOf(['none', 'kd', 'th-kd'], 'th-kd', { help: 'distillation method' })`. */
export function oneOf<const T extends string>(
  values: readonly T[],
  fallback: NoInfer<T>,
  spec: {
    readonly help: string;
    readonly listedBy?: string;
    /** Other names of values, which mean the same run. */
    readonly also?: Readonly<Record<string, NoInfer<T>>>;
  },
): Option<T> {
  const { also = {}, ...described } = spec;
  const others = new Map<unknown, T>(Object.entries(also));
  const check = (value: unknown, name: string): T => {
    const found = others.get(value) ?? values.find((candidate) => candidate === value);
    if (found !== undefined) return found;
    throw new UserError(
      `${name}: unknown value '${shown(value)}'; ${didYouMean(String(value), [...others.keys(), ...values].map(String))}`,
    );
  };
  const valid = `one of ${values.join(', ')}`;
  return { ...option('choice', { ...described, default: fallback }, valid, check), choices: values };
}

/** Any text that is not empty. `valid`: a description of valid values for errors. */
export function text(
  spec: Described<string> & { readonly valid?: string; readonly placeholder?: string },
): Option<string> {
  const { valid = 'text that is not empty', placeholder } = spec;
  const check = (value: unknown, name: string): string => {
    if (typeof value !== 'string' || value === '') throw mustBe(value, name, valid);
    return value;
  };
  return { ...option('text', spec, valid, check), ...(placeholder !== undefined && { placeholder }) };
}

/** The path of a file that exists. */
export const file = (spec: { readonly help: string }): Option<string> => existing('file', spec);

/** The path of a folder that exists. */
export const folder = (spec: { readonly help: string }): Option<string> => existing('folder', spec);

function existing(kind: 'file' | 'folder', spec: { readonly help: string }): Option<string> {
  const path = text({ ...spec, valid: `the path of a ${kind}` });
  const check = (value: unknown, name: string): string => {
    const given = path.check(value, name);
    if (kind === 'file' ? isFile(given) : isFolder(given)) return given;
    throw kind === 'file' ? notAFile(given, name) : notAFolder(given, name);
  };
  return { ...path, kind, names: kind, check, parse: check };
}

/** True or false; on the command line `--flip-test`, `--no-flip-test` or `--flip-test=false`. */
export function flag(spec: Described<boolean>): Option<boolean> {
  const valid = 'true or false';
  const check = (value: unknown, name: string): boolean => {
    if (typeof value !== 'boolean') throw mustBe(value, name, valid);
    return value;
  };
  const read = (given: string): unknown => (given === 'true' ? true : given === 'false' ? false : given);
  return option('flag', { default: false, ...spec }, valid, check, read);
}

/**
 * At least `min` (1) values of one kind, separated by commas: `--seeds=0,1,2` for
 * `list(integer({ min: 0, help: '' }), { default: [0, 1], help: 'one run each' })`.
 */
export function list<T>(
  of: Option<T>,
  spec: Described<readonly T[]> & { readonly min?: number },
): Option<readonly T[]> {
  const { min = 1 } = spec;
  const valid = `a list of at least ${min} (each ${of.valid}), separated by commas`;
  const check = (value: unknown, name: string): readonly T[] => {
    if (!Array.isArray(value) || value.length < min) throw mustBe(value, name, valid);
    return value.map((item: unknown) => of.check(item, name));
  };
  const read = (given: string, name: string): readonly T[] =>
    given === '' ? [] : given.split(',').map((item) => of.parse(item.trim(), name));
  const { choices, listedBy } = of;
  return { ...option('list', spec, valid, check, read), ...(choices && { choices }), ...(listedBy && { listedBy }) };
}

/**
 * The same option, which may be absent: `undefined` by default, and `--no-<name>` on the command line.
 * @param absent the effect of leaving it out, for `--help`
 */
export function optional<T>(of: Option<T>, absent?: string): Option<T | undefined> {
  return {
    ...of,
    default: undefined,
    required: false,
    ...(absent !== undefined && { absent }),
    check: (value, name) => (value === undefined ? undefined : of.check(value, name)),
  };
}

/** An option that may be given several times; each adds a value, which may contain commas. None by default. */
export function repeatable<T>(of: Option<T>): Option<readonly T[]> {
  const check = (value: unknown, name: string): readonly T[] => {
    if (!Array.isArray(value)) throw mustBe(value, name, of.valid);
    return value.map((item: unknown) => of.check(item, name));
  };
  const parse = (given: string, name: string): readonly T[] => [of.parse(given, name)];
  return { ...of, default: [], required: false, isRepeatable: true, check, parse };
}

function numeric(
  kind: 'integer' | 'number',
  spec: NumberSpec,
  noun: string,
  isKind: (value: unknown) => boolean,
): Option<number> {
  const { min, max, above, below } = spec;
  const lower = above !== undefined ? `above ${above}` : min !== undefined && `of at least ${min}`;
  const upper = below !== undefined ? `below ${below}` : max !== undefined && `at most ${max}`;
  const isClosed = above === undefined && min !== undefined && max !== undefined;
  const words = isClosed ? `from ${min} to ${max}` : [lower, upper].filter(Boolean).join(' and ');
  const valid = words === '' ? noun : `${noun} ${words}`;
  const isValid = (value: unknown): value is number =>
    typeof value === 'number' &&
    isKind(value) &&
    value >= (min ?? Number.NEGATIVE_INFINITY) &&
    value <= (max ?? Number.POSITIVE_INFINITY) &&
    value > (above ?? Number.NEGATIVE_INFINITY) &&
    value < (below ?? Number.POSITIVE_INFINITY);
  const check = (value: unknown, name: string): number => {
    if (!isValid(value)) throw mustBe(value, name, valid);
    return value;
  };
  const made = option(kind, spec, valid, check);
  const largest = kind === 'integer' ? Number.MAX_SAFE_INTEGER : Number.MAX_VALUE;
  const parse = (given: string, name: string): number => {
    const value = decimal(given);
    if (value !== undefined && Math.abs(value) > largest) {
      const size =
        value < 0
          ? `small; the smallest possible number is -${largest}`
          : `large; the largest possible number is ${Math.min(largest, max ?? largest)}`;
      throw new UserError(`${name} must be ${valid}, and ${given} is too ${size}`);
    }
    // The text as it was given: a number may have been rounded.
    if (value === undefined || !isValid(value)) throw mustBe(given, name, valid);
    return value;
  };
  const range = isClosed
    ? `${min} to ${max}`
    : words.replace('of at least', '>=').replace('at most', '<=').replace('above', '>').replace('below', '<');
  return { ...made, parse, ...(range !== '' && { range }) };
}

function option<T>(
  kind: Option<T>['kind'],
  { help, default: fallback, notInKey, listedBy }: Described<T> & { readonly listedBy?: string },
  valid: string,
  check: (value: unknown, name: string) => T,
  read: (text: string, name: string) => unknown = (given) => given,
): Option<T> {
  return {
    kind,
    help,
    default: fallback,
    required: fallback === undefined,
    valid,
    ...(notInKey && { notInKey }),
    ...(listedBy !== undefined && { listedBy }),
    parse: (given, name) => check(read(given, name), name),
    check,
  };
}

const shown = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));

const mustBe = (value: unknown, name: string, valid: string): UserError =>
  new UserError(`${name} must be ${valid}, got ${value === '' ? 'nothing' : shown(value)}`);
