/** The command lines of the benchmarks: options, `--help`, errors. */
import { parseArgs } from 'node:util';

interface Option<V> {
  /** What the option takes, in `--help`. */
  readonly takes: 'N' | 'LIST' | 'NAME' | 'FOLDER' | 'COMMAND';
  readonly help: string;
  /** The value of an option that is not given; without one it reads as undefined. */
  readonly default?: string;
  readonly read: (text: string, flag: string) => V;
}

type Values<O> = { readonly [K in keyof O]: O[K] extends Option<infer V> ? V : never };

/** A whole number of at least `least`. */
export const whole = (value: number, help: string, least = 1): Option<number> => ({
  takes: 'N',
  help,
  default: String(value),
  read: (text, flag) => requireWhole(flag, text, least),
});

/** Numbers, separated by commas; `read` checks one of them. */
export const list = (value: string, help: string, read: Option<number>['read']) =>
  ({
    takes: 'LIST',
    help,
    default: value,
    read: (text, flag) => text.split(',').map((one) => read(one, flag)),
  }) satisfies Option<number[]>;

/** Some of the known names, separated by commas. */
export const names = <N extends string>(known: readonly N[], help: string, value = known) =>
  ({
    takes: 'LIST',
    help,
    default: value.join(','),
    read(text, flag) {
      const given = text.split(',') as N[];
      const unknown = given.find((name) => !known.includes(name));
      if (unknown !== undefined) fail(`${flag}: unknown '${unknown}'; known are ${known.join(', ')}.`);
      return given;
    },
  }) satisfies Option<N[]>;

/** A text. */
export const text = (takes: Option<string>['takes'], value: string, help: string) =>
  ({ takes, help, default: value, read: (given) => given }) satisfies Option<string>;

/** An option without a default. */
export const optional = <V>({ default: _, read, ...option }: Option<V>): Option<V | undefined> => ({ ...option, read });

/** The number in a text, or the end of the command. */
export function requireWhole(flag: string, text: string | number, least = 1): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least) return number;
  return fail(`${flag} must be a whole number of at least ${least}, got ${text}.`);
}

/** The number above 0 and at most `most` in a text, or the end of the command. */
export function requireShare(flag: string, text: string, most = 1): number {
  const number = Number(text);
  if (number > 0 && number <= most) return number;
  return fail(`${flag} must be a number above 0, at most ${most}, got ${text}.`);
}

/** Ends the command because it was used wrongly. */
export function fail(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}

/** Reads the command line of `nx run tools:NAME` and runs the benchmark, or prints its `--help`. */
export function benchmark<const O extends Readonly<Record<string, Option<unknown>>>>(
  name: string,
  summary: string,
  options: O,
  run: (values: Values<O> & { readonly json: boolean }) => Promise<void>,
): void {
  const given = readOptions(Object.keys(options));
  if (given.help) {
    const rows = Object.entries(options).map(([flag, { takes, help, default: value }]) => [
      `--${flag}=${takes}`,
      value === undefined ? help : `${help} (${value})`,
    ]);
    rows.push(['--json', 'print JSON, one object a line, instead of a table']);
    const width = Math.max(...rows.map(([flag = '']) => flag.length));
    console.log(`${summary}\nnpx nx run tools:${name} [options]`);
    for (const [flag = '', help] of rows) console.log(`  ${flag.padEnd(width)}  ${help}`);
    return;
  }
  const values = Object.entries(options).map(([flag, { read, default: value }]) => {
    const text = given[flag] ?? value;
    return [flag, text === undefined ? undefined : read(String(text), `--${flag}`)];
  });
  start(() => run({ ...Object.fromEntries(values), json: given.json === true }));
}

function readOptions(flags: readonly string[]): Readonly<Record<string, string | boolean | undefined>> {
  const texts = flags.map((flag) => [flag, { type: 'string' }] as const);
  const options = { ...Object.fromEntries(texts), help: { type: 'boolean' }, json: { type: 'boolean' } } as const;
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return fail(`${(error as Error).message}; --help lists the options.`);
  }
}

/** Runs a benchmark. A failure is printed as one sentence: the failed program's own, where it printed one. */
export function start(main: () => Promise<void>): void {
  main().catch((error: Error & { stderr?: string }) => {
    console.error(error.stderr?.trim() || error.message);
    process.exit(1);
  });
}
