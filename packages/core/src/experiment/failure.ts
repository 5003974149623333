import { UserError } from '../system/user-error';

const fileSystemCauses: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is used up; free some space',
  EROFS: 'the file system is read-only; make it writable',
  EACCES: 'no permission; make it readable and writable',
  EPERM: 'no permission; make it readable and writable',
};

/**
 * The message of an error for the terminal, and its exit code: one sentence for a user's mistake and for a full or
 * read-only disk; the stack for anything else, which is a bug. `folder`: the place of errors that name no file.
 */
export function explain(
  error: unknown,
  folder = "the run's folder",
): { readonly message: string; readonly exitCode: number } {
  // Not instanceof alone: the module may be loaded twice, once through the package's name.
  if (error instanceof UserError || (error instanceof Error && error.name === 'UserError')) {
    const exitCode: unknown = Reflect.get(error, 'exitCode');
    return { message: error.message, exitCode: typeof exitCode === 'number' ? exitCode : 2 };
  }
  if (!(error instanceof Error)) return { message: String(error), exitCode: 1 };
  const cause = fileSystemCauses[String(Reflect.get(error, 'code'))];
  if (cause === undefined) return { message: error.stack ?? error.message, exitCode: 1 };
  const path: unknown = Reflect.get(error, 'path');
  const where = typeof path === 'string' ? path : folder;
  return {
    message: `Cannot write ${where}: ${cause} and run the same command again. What was saved before is intact.`,
    exitCode: 1,
  };
}
