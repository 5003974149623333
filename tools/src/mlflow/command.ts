import { UserError } from '@headshare/core/system/user-error';
import { isUnreadable } from '@headshare/core/tracking/journal/spool';
import { problemOf } from '@headshare/core/tracking/sync/destination';

/**
 * Runs a command of this folder: Ctrl-C and SIGTERM abort its signal, a user's mistake, and what
 * MLflow or the file system refuses, is printed as its sentence.
 * Until it has succeeded it has failed: also when the event loop runs empty before `work` has ended.
 */
export function command(work: (signal: AbortSignal) => Promise<void>): void {
  const interruption = new AbortController();
  process.exitCode = 1;
  let interrupted = 130;
  for (const [name, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(name, () => {
      interrupted = code;
      interruption.abort();
    });
  }
  work(interruption.signal).then(
    () => {
      process.exitCode = 0;
    },
    (error: unknown) => {
      process.exitCode = 1;
      if (interruption.signal.aborted) process.exitCode = interrupted;
      else if (error instanceof UserError) {
        console.error(error.message);
        process.exitCode = error.exitCode;
      } else if (isUnreadable(error) || (error instanceof Error && error.name === 'MlflowError')) {
        console.error(`${problemOf(error)}.`);
      } else console.error(error);
    },
  );
}
