import { UserError } from '../system/user-error';

const fileSystemCauses: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is used up; free some space',
  EROFS: 'the file system is read-only; make it writable',
  EACCES: 'no permission; make it readable and writable',
  EPERM: 'no permission; make it readable and writable',
};

/**
 * What the terminal shows of an error, and the exit code. `folder`: where the run writes, for errors that name no file. A user's mistake, or a disk that is full or read-only, is one
 * sentence; anything else is a fault of the program, and shows its stack.
 */
export function explain(
  error: unknown,
  folder = "the run's folder",
): { readonly message: string; readonly exitCode: number } {
  // Not instanceof: two copies of the module may be loaded, one through the package's name.
  if (error instanceof UserError || (error instanceof Error && error.name === 'UserError')) {
    const exitCode: unknown = Reflect.get(error, 'exitCode');
    return { message: error.message, exitCode: typeof exitCode === 'number' ? exitCode : 2 };
  }
  const cause = error instanceof Error ? fileSystemCauses[String(Reflect.get(error, 'code'))] : undefined;
  if (error instanceof Error && cause !== undefined) {
    const path: unknown = Reflect.get(error, 'path');
    const where = `Cannot write ${typeof path === 'string' ? path : folder}`;
    return {
      message: `${where}: ${cause} and run the same command again. What was saved before is intact.`,
      exitCode: 1,
    };
  }
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error), exitCode: 1 };
}
