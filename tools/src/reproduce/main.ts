/** `nx run tools:reproduce -- RUN`: makes a tracked run again and says whether it came to the same. */
import { join } from 'node:path';
import { readCommandArguments } from '@headshare/core/experiment/command-arguments';
import { explain } from '@headshare/core/experiment/failure';
import { interruption } from '@headshare/core/experiment/interruption';
import { UserError } from '@headshare/core/system/user-error';
import { destinationOf } from '@headshare/core/tracking/sync/destination';
import { reproduce } from './reproduce';

const usage = `Makes a run again, with its options, seed and number of threads, and says whether it came to the same.
npx nx run tools:reproduce -- RUN [options]
  RUN              a run's folder (runs/face/distill/1a2b3c4d5e6f), its key, its id in MLflow, or the beginning of one
  --worktree       runs the sources of the run's commit, in a worktree of git's that is removed afterwards
  --reuse-stages   takes stages that it read (a teacher) from runs/, where they are of the same sources, options and data
  --tolerance=X    how far a metric may be off; without, what seeds of the same work are apart, by runs/ and MLflow
  --check          says what differs and what would run, and runs nothing
  --keep           leaves the new run's files
Exit code: 0 the same bits, or the same within spread; 1 not the same; 2 wrong usage.`;

const options = {
  help: { type: 'boolean' },
  worktree: { type: 'boolean' },
  'reuse-stages': { type: 'boolean' },
  tolerance: { type: 'string' },
  check: { type: 'boolean' },
  keep: { type: 'boolean' },
} as const;

async function main(argv: readonly string[], root: string): Promise<number> {
  // The run that is stopped says so itself.
  const { signal, code, release } = interruption(() => undefined);
  try {
    const given = readCommandArguments(argv, options);
    const [run, ...others] = given.names;
    if (given.flag('help')) {
      console.log(usage);
      return 0;
    }
    if (run === undefined || others.length > 0) {
      throw new UserError('name one run: npx nx run tools:reproduce -- RUN (--help says more)');
    }
    const tolerance = toleranceIn(given.text('tolerance', 'a number of at least 0'));
    const verdict = await reproduce({
      run,
      root,
      connect: () => destinationOf().connect(signal),
      worktree: given.flag('worktree'),
      reuseStages: given.flag('reuse-stages'),
      check: given.flag('check'),
      keep: given.flag('keep'),
      ...(tolerance !== undefined && { tolerance }),
      signal,
      say: console.log,
    });
    return verdict === 'not the same' ? 1 : 0;
  } catch (error) {
    if (signal.aborted) {
      console.log('Interrupted; what was made is removed.');
      return code();
    }
    const { message, exitCode } = explain(error, 'runs/');
    console.error(message);
    return exitCode;
  } finally {
    release();
  }
}

function toleranceIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const tolerance = Number(text);
  if (text.trim() !== '' && tolerance >= 0 && Number.isFinite(tolerance)) return tolerance;
  throw new UserError(`--tolerance must be a number of at least 0, got '${text}'`);
}

if (require.main === module) {
  main(process.argv.slice(2), join(__dirname, '../../..')).then((exitCode) => {
    // Connections that are kept open must not keep a finished command alive; what was printed must still come out.
    process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
  });
}
