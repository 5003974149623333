import { inspect } from 'node:util';
import { keepWorking } from '@headshare/core/system/output.cjs';
import { UserError } from '@headshare/core/system/user-error';
import { isUnreadable } from '@headshare/core/tracking/journal/spool';
import { problemOf } from '@headshare/core/tracking/sync/destination';
import { hideSecrets } from 'mlflow-js-client';

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Runs a command. Ctrl-C and SIGTERM abort its signal; then `interrupted` is printed. A user's mistake and an error of
 * MLflow or of the file system are printed as one sentence, other errors with their stack.
 */
export function command(work: (signal: AbortSignal) => Promise<void>, interrupted?: string): void {
  keepWorking();
  const interruption = new AbortController();
  // A command fails until it succeeds: also when the event loop runs empty before `work` ends.
  process.exitCode = 1;
  let exitCode = 1;
  for (const [name, code] of Object.entries(exitCodes)) {
    process.on(name, () => {
      exitCode = code;
      interruption.abort();
    });
  }
  work(interruption.signal).then(
    () => {
      process.exitCode = 0;
    },
    (error: unknown) => {
      process.exitCode = error instanceof UserError && !interruption.signal.aborted ? error.exitCode : exitCode;
      if (interruption.signal.aborted) {
        if (interrupted !== undefined) console.error(interrupted);
      } else if (error instanceof UserError) console.error(error.message);
      else if (isUnreadable(error) || (error instanceof Error && error.name === 'MlflowError')) {
        console.error(`${problemOf(error)}.`);
      } else console.error(hideSecrets(inspect(error)));
    },
  );
}
