import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '@headshare/core/system/user-error';
import fastGlob from 'fast-glob';

/** The folder of a package's distillation that finished last, relative to the root. @throws UserError if none has */
export async function newestRun(packageName: string, root: string): Promise<string> {
  const results = await fastGlob(`runs/${packageName}/distill*/*/result.json`, { cwd: root });
  const times = results.map((file) => ({ file, time: statSync(join(root, file)).mtimeMs }));
  const [newest] = times.sort((a, b) => b.time - a.time);
  if (!newest) {
    throw new UserError(
      `runs/ has no finished distillation of ${packageName}: run npx nx run ${packageName}:distill first`,
    );
  }
  return dirname(newest.file);
}
