import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  downloadArtifact,
  downloadFolder,
  getMetricHistory,
  listLoggedModelArtifacts,
  searchLoggedModels,
} from 'mlflow-js-client';
import { sha256 } from '../../system/sha256';
import { UserError } from '../../system/user-error';
import { encodeEvent } from '../../tracking/journal/event';
import type { RecordedRun } from './recorded-run';

/**
 * The folder with a run's files: its own, or a copy in the workspace's `.cache/runs` of a run that only MLflow has,
 * downloaded once. The copy's journal has the metrics by epoch alone.
 * @throws UserError where MLflow lacks a file, or has another one than the run wrote
 */
export async function fetchRun({ folder, inMlflow, finished }: RecordedRun, root: string): Promise<string> {
  if (folder !== undefined) return folder;
  const copy = join(root, '.cache/runs', finished.key);
  if (inMlflow === undefined || existsSync(copy)) return copy;
  const { connection, info } = inMlflow;
  const fresh = `${copy}.${process.pid}.tmp`;
  await mkdir(dirname(fresh), { recursive: true });
  try {
    await downloadFolder(connection, info, fresh);
    await fetchWeights(inMlflow, finished, fresh);
    for (const [file, digest] of Object.entries(finished.digests ?? {})) {
      if (await holds(join(fresh, file), digest)) continue;
      throw new UserError(
        `MLflow's ${file} of run ${info.run_id} is missing, or is not the file that the run wrote`,
        1,
      );
    }
    await writeFile(join(fresh, 'journal.jsonl'), await epochsOf(inMlflow));
    // Another process may have fetched the run meanwhile.
    await rename(fresh, copy).catch((error: unknown) => {
      if (!existsSync(copy)) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return copy;
}

/** Downloads the files of networks, which belong to the run's models in MLflow rather than to the run. */
async function fetchWeights(
  { connection, info }: NonNullable<RecordedRun['inMlflow']>,
  { digests = {} }: RecordedRun['finished'],
  folder: string,
): Promise<void> {
  const absent = Object.keys(digests).filter((file) => !existsSync(join(folder, file)));
  if (absent.length === 0) return;
  const filter = `source_run_id = '${info.run_id}'`;
  for (const model of await searchLoggedModels(connection, { experimentIds: [info.experiment_id], filter })) {
    const names = (await listLoggedModelArtifacts(connection, model.info.model_id)).map(({ path }) => path);
    for (const file of absent.filter((one) => names.includes(basename(one)))) {
      // Another model may have a file of that name.
      if (await holds(join(folder, file), digests[file])) continue;
      await downloadArtifact(connection, model.info, basename(file), join(folder, file));
    }
  }
}

const holds = async (path: string, digest?: string): Promise<boolean> =>
  existsSync(path) && (await sha256(path)) === digest;

/** The lines of a journal with a run's metrics by epoch. */
async function epochsOf({ connection, info, metrics }: NonNullable<RecordedRun['inMlflow']>): Promise<string> {
  const byStep = new Map<number, { readonly time: number; readonly values: Record<string, number> }>();
  // Metrics by step, of the machine and of the end have these prefixes.
  for (const name of metrics.filter((one) => !/^(pretraining|step|system|final|sweep)\//.test(one))) {
    for (const { step, timestamp: time, value } of await getMetricHistory(connection, info.run_id, name)) {
      const event = byStep.get(step) ?? { time, values: {} };
      event.values[name] = value;
      byStep.set(step, event);
    }
  }
  const events = [...byStep].sort(([a], [b]) => a - b);
  return events.map(([step, event]) => `${encodeEvent({ type: 'metrics', step, ...event })}\n`).join('');
}
