import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The trimmed output of a git command; undefined if it fails, also for lack of git or a repository. */
export async function git(folder: string, ...args: string[]): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('git', ['-C', folder, ...args], {
      timeout: 20_000,
      maxBuffer: 2 ** 26,
    });
    return stdout.trim();
  } catch {
    return undefined;
  }
}
