import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What git prints, without spaces around it; undefined when there is no git or no repository, and where it fails. */
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
