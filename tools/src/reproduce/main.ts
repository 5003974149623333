/** `nx run tools:reproduce -- RUN`: makes a tracked run again and compares the results. */
import { join } from 'node:path';
import { readCommand } from '@headshare/core/experiment/arguments';
import { commandHelp } from '@headshare/core/experiment/command';
import { explain } from '@headshare/core/experiment/failure';
import { interruption } from '@headshare/core/experiment/interruption';
import { flag, number, optional } from '@headshare/core/experiment/option';
import { keepWorking } from '@headshare/core/system/output.cjs';
import { UserError } from '@headshare/core/system/user-error';
import { destinationOf } from '@headshare/core/tracking/sync/destination';
import { reproduce } from './reproduce';

const command = {
  summary: 'Make a run again with its options, seed and number of threads, and compare the results',
  usage: 'tools:reproduce -- RUN [--option=value ...]',
  options: {
    worktree: flag({ help: "run the sources of the run's commit, in a temporary git worktree" }),
    reuseStages: flag({ help: 'use stages such as a teacher from runs/, if made from the same sources and data' }),
    tolerance: optional(
      number({ min: 0, help: 'allowed difference of a metric' }),
      'the spread over seeds in runs/ and MLflow',
    ),
    check: flag({ help: 'print the differences and the command, and run nothing' }),
    keep: flag({ help: "keep the new run's files" }),
  },
};

const notes = [
  "RUN: a run's folder (runs/face/distill/1a2b3c4d5e6f), key or MLflow id, or a prefix of one",
  'Exit code: 0 the same bits, or the same within the spread; 1 not the same; 2 wrong usage',
];

async function main(argv: readonly string[], root: string): Promise<number> {
  // The stopped run prints its own line.
  const { signal, code, release } = interruption(() => undefined);
  try {
    const { help, values, words } = readCommand(argv, command.options);
    const [run, ...others] = words;
    if (help) {
      console.log(commandHelp(command, notes));
      return 0;
    }
    if (run === undefined || others.length > 0) {
      throw new UserError('name one run: npx nx run tools:reproduce -- RUN (see --help)');
    }
    const { tolerance, ...flags } = values;
    const verdict = await reproduce({
      run,
      root,
      connect: () => destinationOf().connect(signal),
      ...flags,
      ...(tolerance !== undefined && { tolerance }),
      signal,
      say: console.log,
    });
    return verdict === 'not the same' ? 1 : 0;
  } catch (error) {
    if (signal.aborted) {
      console.log('Interrupted; the new files are removed.');
      return code();
    }
    const { message, exitCode } = explain(error, 'runs/');
    console.error(message);
    return exitCode;
  } finally {
    release();
  }
}

if (require.main === module) {
  keepWorking();
  main(process.argv.slice(2), join(__dirname, '../../..')).then((exitCode) => {
    // Exits despite open connections, but only after everything is printed.
    process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
  });
}
