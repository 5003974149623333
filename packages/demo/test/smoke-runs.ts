import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { findSource, type Source, type SourceRun } from '@headshare/core/export/source';

export const root = resolve(__dirname, '../../..');

/** Trains a package's smallest teacher and student, for real, in a folder that is removed by `close`. */
export async function smokeRun(packageName: string): Promise<{
  readonly source: Source & { readonly made: SourceRun };
  readonly close: () => void;
}> {
  const runs = mkdtempSync(join(tmpdir(), 'headshare-demo-runs-'));
  const experiment = `packages/${packageName}/experiments/distill.ts`;
  const main = 'packages/core/src/experiment/main.ts';
  await promisify(execFile)(
    process.execPath,
    ['-r', './packages/core/register.cjs', main, experiment, '--profile=smoke'],
    {
      cwd: root,
      env: {
        ...process.env,
        HEADSHARE_RUNS: runs,
        // Nobody listens at this port, and nobody tries again: the run is not tracked.
        MLFLOW_TRACKING_URI: 'http://127.0.0.1:9',
        MLFLOW_HTTP_REQUEST_MAX_RETRIES: '0',
      },
    },
  );
  const folder = join(runs, packageName, 'distill');
  if (!existsSync(folder)) throw new Error(`${experiment} left no run`);
  const { network, made } = await findSource(join(folder, readdirSync(folder)[0] as string), root);
  if (!made) throw new Error('The run was not found');
  return { source: { network, made }, close: () => rmSync(runs, { recursive: true, force: true }) };
}
