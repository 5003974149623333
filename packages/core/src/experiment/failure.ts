import { hideSecrets } from 'mlflow-js-client';
import { UserError } from '../system/user-error';
import { diskProblem } from '../system/whole-file';

/** What helps against the errors that end long work. */
const advice = {
  full: 'free some space',
  EROFS: 'make it writable',
  EACCES: 'make it readable and writable',
  EPERM: 'make it readable and writable',
} as const;

/**
 * The message of an error for the terminal, and its exit code: one sentence for a user's mistake and for an error of the
 * file system; the stack for anything else, which is a bug. `folder`: the place of errors that name no file.
 */
export function explain(
  error: unknown,
  folder = "the run's folder",
): { readonly message: string; readonly exitCode: number } {
  // Not instanceof alone: the module may be loaded twice, once through the package's name.
  if (error instanceof UserError || (isError(error) && error.name === 'UserError')) {
    const exitCode: unknown = Reflect.get(error, 'exitCode');
    return { message: error.message, exitCode: typeof exitCode === 'number' ? exitCode : 2 };
  }
  if (!isError(error)) return { message: hideSecrets(String(error)), exitCode: 1 };
  const problem = diskProblem(error);
  const path: unknown = Reflect.get(error, 'path');
  const syscall = String(Reflect.get(error, 'syscall'));
  if (problem && (problem.kind === 'full' || Object.hasOwn(advice, problem.code))) {
    const where = typeof path === 'string' ? path : folder;
    const help = advice[(problem.kind === 'full' ? 'full' : problem.code) as keyof typeof advice];
    return {
      message: `Cannot write ${where}: ${problem.cause}; ${help} and run the same command again. What was saved before is intact.`,
      exitCode: 1,
    };
  }
  if (problem && typeof path === 'string') {
    const verb = syscall.startsWith('spawn') ? 'run' : 'use';
    return { message: `Cannot ${verb} ${path}: ${problem.cause} (${problem.code}, ${syscall}).`, exitCode: 1 };
  }
  return { message: hideSecrets(error.stack ?? error.message), exitCode: 1 };
}

/** Under jest, errors of Node's own functions come from another realm. */
const isError = (error: unknown): error is Error =>
  error instanceof Error || typeof Reflect.get(Object(error), 'stack') === 'string';
