/** The command lines of the benchmarks. */
import { readCommand } from '@headshare/core/experiment/arguments';
import { commandHelp } from '@headshare/core/experiment/command';
import {
  flag,
  list,
  type Option,
  type Options,
  oneOf,
  optional,
  text,
  type Values,
} from '@headshare/core/experiment/option';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { UserError } from '@headshare/core/system/user-error';
import { hideSecrets } from 'mlflow-js-client';

const jsonOption = { json: flag({ help: 'one JSON object per line instead of a table' }) };

/** Some of these words, separated by commas. */
export const someOf = <const T extends string>(known: readonly T[], help: string, value: readonly T[] = known) =>
  list(oneOf(known, known[0] as NoInfer<T>, { help }), { default: value, help }) as Option<readonly T[]>;

/** A Python that measures another side. */
export const pythonOption = (help: string) => optional(text({ placeholder: 'COMMAND', help }), 'without');

/** Reads the command line of `nx run tools:NAME` and runs the benchmark, or prints its `--help`. */
export function benchmark<const O extends Options>(
  { name, summary, notes, options }: { name: string; summary: string; notes?: readonly string[]; options: O },
  run: (values: Values<O> & Values<typeof jsonOption>) => Promise<void>,
): void {
  start(async () => {
    const all = { ...options, ...jsonOption };
    const { help, values } = readCommand(process.argv.slice(2), all, 0);
    if (help) console.log(commandHelp({ summary, usage: `tools:${name} [--option=value ...]`, options: all }, notes));
    else await run(values as Values<O> & Values<typeof jsonOption>);
  });
}

/** A column of a table of measurements: its title, its value and the number of its decimals. */
export type Column<M> = readonly [title: string, value: (one: M) => number | string | undefined, digits?: number];

/** Prints measurements as a table, or with `json`, as one JSON object per line. */
export function print<M>(
  json: boolean,
  measured: readonly M[],
  columns: readonly Column<M>[],
  notes: readonly string[] = [],
): void {
  if (json) for (const one of measured) console.log(JSON.stringify(one));
  else {
    const rows = measured.map((one) => columns.map(([, value]) => value(one)));
    console.log(terminalTable({ columns: columns.map(([title, , digits]) => ({ title, digits })), rows, notes }));
  }
}

/** Runs a benchmark. A failure is printed as one sentence: the failed program's own, where it printed one. */
export function start(main: () => Promise<void>): void {
  main().catch((error: Error & { stderr?: string }) => {
    console.error(hideSecrets(error.stderr?.trim() || error.message));
    process.exit(error instanceof UserError ? error.exitCode : 1);
  });
}
