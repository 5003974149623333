import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * For tests: what Node prints, run in packages/core with TypeScript and so many threads for each operation.
 * @param words a file, or `-e` and a script
 */
export const printedWithThreads = (threads: number, ...words: readonly string[]): string =>
  execFileSync(process.execPath, ['-r', './register.cjs', ...words], {
    cwd: join(__dirname, '..'),
    env: { ...process.env, HEADSHARE_THREADS: `${threads}` },
    encoding: 'utf8',
  });
