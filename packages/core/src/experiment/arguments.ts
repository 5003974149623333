import { parseArgs } from 'node:util';
import { distance } from 'fastest-levenshtein';
import { UserError } from '../system/user-error';
import { type Catalog, withDependencies } from './catalog';
import type { Overrides, Settings, Stage } from './define';
import { camelCase, flag, flagName, type Option, type Options, text, type Values } from './option';

/** The command line of an experiment. */
export interface CommandLine extends Settings {
  readonly help: boolean;
  /** Only check the command line, then stop. */
  readonly check: boolean;
}

const runnerOptions = {
  profile: text({ default: 'default', valid: "a profile's name", help: 'profile' }),
  help: flag({ help: 'print this help' }),
  check: flag({ help: 'check the command line only' }),
};

/**
 * Reads an experiment's command line: `--epochs=3`, `--epochs 3`, `--flip-test`, `--no-flip-test`; the last one wins.
 *
 * Accepts the options of the experiment and its dependencies and, unless `strict`, those of experiments that depend on
 * it: Nx forwards one command line to all of them, so that a mistake is found before the first one starts.
 * Throws UserError for an unknown option (with the nearest names) and for an invalid value.
 */
export function readArguments(
  argv: readonly string[],
  experiment: Stage,
  catalog: Catalog,
  strict: boolean,
): CommandLine {
  const own = optionsOf([experiment]);
  const dependents = [...catalog.experiments.values()].filter((it) => withDependencies(it).includes(experiment));
  const known = { ...optionsOf(strict ? [experiment] : [experiment, ...dependents]), ...runnerOptions };
  const { given, words } = parseOptions(argv, known, (name) => {
    const readers = [...catalog.experiments].filter(([, { options }]) => Object.hasOwn(options, camelCase(name)));
    if (readers.length === 0) return unknownOption(name, { ...own, ...runnerOptions }, 3);
    const names = readers.map(([reader]) => reader).join(', ');
    return new UserError(
      `this experiment has no option --${name}, only ${names} ${readers.length > 1 ? 'have' : 'has'}`,
    );
  });
  refuseWords(words);
  const { profile = 'default', help = false, check = false, ...overrides } = given;
  return { profile: String(profile), help: help === true, check: check === true, given: overrides };
}

/** The command line of a command that is not an experiment. */
export interface CommandArguments<O extends Options> {
  readonly help: boolean;
  readonly values: Values<O>;
  /** The words that are not options. */
  readonly words: readonly string[];
}

/**
 * Reads a command's own options, and `--help`. Throws UserError for an unknown option (with the nearest names), an
 * invalid value, more than `maxWords` words, and unless `--help` is given, for a missing option that is required.
 */
export function readCommand<const O extends Options>(
  argv: readonly string[],
  options: O,
  maxWords = Number.POSITIVE_INFINITY,
): CommandArguments<O> {
  const known: Options = { ...options, help: runnerOptions.help };
  const { given, words } = parseOptions(argv, known, (name) => unknownOption(name, known, 1));
  refuseWords(words.slice(maxWords));
  const help = given.help === true;
  const values = Object.entries(options).map(([name, option]) => {
    if (Object.hasOwn(given, name)) return [name, given[name]];
    if (option.required && !help) throw new UserError(`${flagName(name)} is missing: ${option.valid}`);
    return [name, option.default];
  });
  return { help, values: Object.fromEntries(values) as Values<O>, words };
}

function refuseWords([word]: readonly string[]): void {
  if (word !== undefined) throw new UserError(`'${word}' is not an option: write --name=value`);
}

/** The command line that sets these values; skips options that neither the experiment nor its dependencies have. */
export function writeArguments(given: Overrides, experiment: Stage): readonly string[] {
  const options = optionsOf([experiment]);
  return Object.entries(given).flatMap(([key, value]) => {
    const option = Object.hasOwn(options, key) ? options[key] : undefined;
    if (option === undefined) return [];
    const name = flagName(key);
    if (value === undefined || value === false) return [name.replace(/^--/, '--no-')];
    if (value === true) return [name];
    if (option.isRepeatable && Array.isArray(value)) return value.map((item) => `${name}=${item}`);
    return [`${name}=${Array.isArray(value) ? value.join(',') : value}`];
  });
}

/** All options of experiments and their dependencies, by name; an experiment's own come first. */
export function optionsOf(experiments: readonly Stage[]): Options {
  const options: Record<string, Option<unknown>> = {};
  for (const stage of experiments.flatMap(withDependencies)) {
    for (const [name, option] of Object.entries(stage.options)) {
      if (!Object.hasOwn(options, name)) options[name] = option;
    }
  }
  return options;
}

/** Reads options, and other words. @param unknown makes the error about an unknown option, given without `--` */
function parseOptions(
  argv: readonly string[],
  known: Options,
  unknown: (name: string) => UserError,
): { readonly given: Overrides; readonly words: readonly string[] } {
  // Without its type, parseArgs cannot know whether the next word belongs to an option.
  const types = Object.entries(known).flatMap(([name, { kind }]) =>
    [name, flagName(name).slice(2)].map((form) => [form, { type: kind === 'flag' ? 'boolean' : 'string' }] as const),
  );
  const { tokens } = parseArgs({ args: [...argv], strict: false, tokens: true, options: Object.fromEntries(types) });
  const given: Record<string, unknown> = {};
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const name = token.rawName.replace(/^-+/, '');
    const key = camelCase(name);
    const option = Object.hasOwn(known, key) ? known[key] : undefined;
    if (option !== undefined) {
      const value = readValue(option, token.value, flagName(key));
      const before = given[key];
      given[key] = option.isRepeatable && Array.isArray(before) ? before.concat(value) : value;
      continue;
    }
    const negated = camelCase(name.replace(/^no-/, ''));
    const absent = name.startsWith('no-') && Object.hasOwn(known, negated) ? known[negated] : undefined;
    if (absent === undefined || token.value !== undefined) throw unknown(name);
    if (absent.kind !== 'flag' && (absent.required || absent.default !== undefined)) {
      throw new UserError(`--${name}: ${flagName(negated)} cannot be absent; it must be ${absent.valid}`);
    }
    given[negated] = absent.kind === 'flag' ? false : undefined;
  }
  return { given, words };
}

function readValue(option: Option<unknown>, value: string | undefined, name: string): unknown {
  if (value !== undefined) return option.parse(value, name);
  if (option.kind === 'flag') return true;
  throw new UserError(`${name} needs a value: ${option.valid}`);
}

function unknownOption(name: string, known: Options, count: number): UserError {
  return new UserError(`unknown option --${name}; did you mean ${nearestFlags(name, known, count).join(' or ')}?`);
}

/** The flags most similar to a name, given without `--`. */
export function nearestFlags(name: string, known: Options, count: number): readonly string[] {
  const edits = (flag: string): number => distance(`--${name}`, flag);
  return Object.keys(known)
    .map(flagName)
    .sort((a, b) => edits(a) - edits(b))
    .slice(0, count);
}
