/** What the benchmarks' command lines have in common. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { type ParseArgsConfig, parseArgs, promisify } from 'node:util';

const run = promisify(execFile);
const workspace = resolve(__dirname, '../../..');

/** An option that takes a text, `value` unless told. */
export const text = (value: string) => ({ type: 'string', default: value }) as const;

/** What was given of these options, and of `--help` and `--json`. Ends the command for others. */
export function readOptions<const O extends NonNullable<ParseArgsConfig['options']>>(options: O) {
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({ options: { help: flag, json: flag, ...options } }).values;
  } catch (error) {
    return fail(`${(error as Error).message}; --help lists the options.`);
  }
}

/** Runs a program in the workspace. @returns the JSON of the last line that it prints */
export async function measuredBy<M>(command: string, args: readonly string[]): Promise<M> {
  const { stdout } = await run(command, [...args], { cwd: workspace, maxBuffer: 2 ** 26 });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as M;
}

/** The words that run a script in a process of its own, behind Node's. */
export const script = (file: string): readonly string[] => ['-r', '@swc-node/register', file];

/** Ends the command for wrong usage. */
export function fail(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}

/** The number that an option's text says. */
export function whole(option: string, text: string, least = 1): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    fail(`${option} must be a whole number of at least ${least}, got ${text}.`);
  return value;
}

/** Names of an option, separated by commas. */
export function listed(option: string, text: string, known: readonly string[]): string[] {
  const names = text.split(',');
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) fail(`${option}: unknown '${unknown}'; known are ${known.join(', ')}.`);
  return names;
}

/** Runs a benchmark; what goes wrong is one sentence, of the program that it ran where that said one. */
export function start(main: () => Promise<void>): void {
  main().catch((error: Error & { stderr?: string }) => {
    console.error(error.stderr?.trim() || error.message);
    process.exit(1);
  });
}
