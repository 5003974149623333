import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { downloadFolder } from 'mlflow-js-client';
import { UserError } from '../../runtime/user-error';
import { sha256 } from '../store';
import type { RecordedRun } from './recorded-run';

/**
 * The folder with a run's files: its own, or, of a run that only MLflow has, a copy that is fetched into the workspace's
 * `.cache/runs` once. Its journal is not among them: MLflow has it as metrics.
 * @throws UserError where what MLflow has is not what the run has written
 */
export async function fetchRun({ folder, inMlflow, finished }: RecordedRun, root: string): Promise<string> {
  if (folder !== undefined) return folder;
  const place = join(root, '.cache/runs', finished.key);
  if (inMlflow === undefined || existsSync(place)) return place;
  const { connection, info } = inMlflow;
  const fresh = `${place}.${process.pid}.tmp`;
  await mkdir(dirname(fresh), { recursive: true });
  try {
    await downloadFolder(connection, info, fresh);
    for (const [file, digest] of Object.entries(finished.digests ?? {})) {
      const path = join(fresh, file);
      if (existsSync(path) && (await sha256(path)) === digest) continue;
      throw new UserError(`MLflow's ${file} of run ${info.run_id} is not what the run has written, or not there`, 1);
    }
    // Another process may have been at it too.
    await rename(fresh, place).catch((error: unknown) => {
      if (!existsSync(place)) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return place;
}
