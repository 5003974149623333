import { parseArgs } from 'node:util';
import { distance } from 'fastest-levenshtein';
import { UserError } from '../system/user-error';
import { type Catalog, withDependencies } from './catalog';
import type { Overrides, Settings, Stage } from './define';
import { camelCase, flagName, type Option, type Options } from './option';

/** What an experiment's command line asks for. */
export interface CommandLine extends Settings {
  readonly help: boolean;
  /** Only check the command line, then stop. */
  readonly check: boolean;
}

/**
 * Reads an experiment's command line: `--epochs=3`, `--epochs 3`, `--flip-test`, `--no-flip-test`; the last one wins.
 *
 * It takes its own options, those of the experiments that it needs or uses, and, unless `strict`, those of experiments
 * that need it: Nx forwards one command line to all of them, so that a mistake is found before the first one starts.
 * Throws UserError for an unknown option (with the nearest name) and for an invalid value.
 */
export function readArguments(
  argv: readonly string[],
  experiment: Stage,
  catalog: Catalog,
  strict: boolean,
): CommandLine {
  const own = optionsOf([experiment]);
  const family = [...catalog.experiments.values()].filter((it) => withDependencies(it).includes(experiment));
  const known = optionsOf(strict ? [experiment] : [experiment, ...family]);
  const given: Record<string, unknown> = {};
  let profile = 'default';
  let help = false;
  let check = false;
  for (const { name, value } of tokens(argv, known)) {
    const key = camelCase(name);
    const option = Object.hasOwn(known, key) ? known[key] : undefined;
    if (key === 'help') help = true;
    else if (key === 'check') check = true;
    else if (key === 'profile') profile = wanted(value, '--profile', "a profile's name");
    else if (option !== undefined) given[key] = gather(option, given[key], readValue(option, value, key));
    else given[negated(name, value, known)] = known[negated(name, value, known)]?.isFlag ? false : undefined;
  }
  return { profile, given, help, check };

  function negated(name: string, value: string | undefined, options: Options): string {
    const key = camelCase(name.replace(/^no-/, ''));
    const option = name.startsWith('no-') && Object.hasOwn(options, key) ? options[key] : undefined;
    if (option === undefined || value !== undefined) throw unknownOption(name, own, catalog);
    if (!option.isFlag && (option.required || option.default !== undefined)) {
      throw new UserError(`--${name}: ${flagName(key)} cannot be absent; it must be ${option.valid}`);
    }
    return key;
  }
}

/** The command line that gives an experiment these values, those that neither it nor its stages read left out. */
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

/** All options that experiments take, by name: their own, and those of what they need or use. */
export function optionsOf(experiments: readonly Stage[]): Options {
  return Object.assign(
    {},
    ...experiments
      .flatMap(withDependencies)
      .map(({ options }) => options)
      .reverse(),
  );
}

function* tokens(argv: readonly string[], known: Options): Iterable<{ name: string; value: string | undefined }> {
  const flags = ['help', 'check', ...Object.keys(known).filter((name) => known[name]?.isFlag)];
  const parsed = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    // Without its type, parseArgs cannot know whether the next word belongs to an option.
    options: Object.fromEntries([
      ...['profile', ...Object.keys(known)].flatMap((name) => bothWays(name, 'string')),
      ...flags.flatMap((name) => bothWays(name, 'boolean')),
    ]),
  });
  for (const token of parsed.tokens ?? []) {
    if (token.kind === 'positional') throw new UserError(`'${token.value}' is no option: write --name=value`);
    if (token.kind === 'option') yield { name: token.rawName.replace(/^-+/, ''), value: token.value };
  }
}

function bothWays(name: string, type: 'string' | 'boolean'): [string, { type: 'string' | 'boolean' }][] {
  return [name, flagName(name).slice(2)].map((form) => [form, { type }]);
}

function readValue(option: Option<unknown>, value: string | undefined, key: string): unknown {
  if (option.isFlag && value === undefined) return true;
  return option.parse(wanted(value, flagName(key), option.valid), flagName(key));
}

function gather(option: Option<unknown>, before: unknown, value: unknown): unknown {
  return option.isRepeatable && Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
}

function wanted(value: string | undefined, name: string, valid: string): string {
  if (value === undefined) throw new UserError(`${name} needs a value: ${valid}`);
  return value;
}

function unknownOption(name: string, own: Options, catalog: Catalog): UserError {
  const elsewhere = [...catalog.experiments].filter(([, { options }]) => Object.hasOwn(options, camelCase(name)));
  if (elsewhere.length > 0) {
    return new UserError(`--${name} is not read by this experiment, only by ${elsewhere.map(([it]) => it).join(', ')}`);
  }
  const names = ['--profile', '--help', ...Object.keys(own).map(flagName)];
  const near = names
    .map((candidate) => ({ candidate, far: distance(`--${name}`, candidate) }))
    .sort((a, b) => a.far - b.far)
    .slice(0, 3);
  return new UserError(
    `unknown option --${name}; did you mean ${near.map(({ candidate }) => candidate).join(' or ')}?`,
  );
}
