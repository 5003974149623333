import { didYouMean } from '../system/did-you-mean';
import { guardOutput } from '../system/output.cjs';
import { UserError } from '../system/user-error';
import { readCommand } from './arguments';
import { explain } from './failure';
import { optionTable } from './help';
import type { Options, Values } from './option';

/** A command that is not an experiment. */
export interface Command<O extends Options> {
  /** One line: what it does. */
  readonly summary: string;
  /** The words after `npx nx run`: `core:models [name ...] [--option=value ...]`. */
  readonly usage: string;
  readonly options: O;
  /** The number of words that it takes besides options. Default: any. */
  readonly maxWords?: number;
}

/** The text of a command's `--help`. `notes`: paragraphs between usage and options. */
export const commandHelp = ({ summary, usage, options }: Command<Options>, notes: readonly string[] = []): string =>
  [summary, `Usage: npx nx run ${usage}`, ...notes, optionTable(options)].join('\n\n');

/**
 * Makes a command's `main`, which returns the exit code: 0 done, 1 the work failed, 2 wrong usage.
 * @param run takes the values of the options, and the words that are not options
 */
export const command =
  <const O extends Options>(
    definition: Command<O>,
    run: (values: Values<O>, words: readonly string[], print: (line: string) => void) => void,
  ) =>
  (argv: readonly string[], print: (line: string) => void): number => {
    guardOutput();
    try {
      const given = readOrHelp(definition, argv, print);
      if (given) run(given.values, given.words, print);
      return 0;
    } catch (error) {
      return failed(error);
    }
  };

/** `command` for work that takes its time. */
export const asyncCommand =
  <const O extends Options>(
    definition: Command<O>,
    run: (values: Values<O>, words: readonly string[], print: (line: string) => void) => Promise<void>,
  ) =>
  async (argv: readonly string[], print: (line: string) => void): Promise<number> => {
    try {
      const given = readOrHelp(definition, argv, print);
      if (given) await run(given.values, given.words, print);
      return 0;
    } catch (error) {
      return failed(error);
    }
  };

function readOrHelp<const O extends Options>(
  definition: Command<O>,
  argv: readonly string[],
  print: (line: string) => void,
) {
  const { help, values, words } = readCommand(argv, definition.options, definition.maxWords);
  if (!help) return { values, words };
  print(commandHelp(definition));
  return undefined;
}

function failed(error: unknown): number {
  const { message, exitCode } = explain(error, 'the file');
  console.error(message);
  return exitCode;
}

/** The definitions with these names or aliases; all of them without names. @throws UserError for an unknown name */
export function namedDefinitions<T>(
  words: readonly string[],
  { all, names, named }: { all: readonly T[]; names: readonly string[]; named: (name: string) => T },
  kind: string,
): readonly T[] {
  const unknown = words.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new UserError(`unknown ${kind} '${unknown}'; ${didYouMean(unknown, names)}`);
  const wanted = new Set(words.map(named));
  return all.filter((one) => wanted.size === 0 || wanted.has(one));
}
