/** Finds the network that `--from` names. */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fetchRun } from '../experiment/recorded/fetch-run';
import { findRun } from '../experiment/recorded/find-run';
import { type RecordedRun, readRun } from '../experiment/recorded/recorded-run';
import { UserError } from '../system/user-error';
import { destinationOf } from '../tracking/sync/destination';
import { checkpointFiles } from '../train/checkpoint';
import { type NetworkWeights, readNetwork } from '../train/networks/load-network';
import type { WeightsHints } from '../weights/network-from-weights';

export interface SourceRun {
  readonly run: RecordedRun;
  /** The folder with its files, absolute. */
  readonly folder: string;
}

/** A network, and the finished run that made it, where it is known. */
export interface Source {
  readonly network: NetworkWeights;
  readonly made?: SourceRun;
}

/**
 * The network of a run (its folder, key, id in MLflow, or a unique beginning of these), or of a file; a file in a run's folder
 * is that run's.
 * @param hints facts about a file of another program
 * @throws UserError where there is none
 */
export async function findSource(word: string, root: string, hints?: WeightsHints): Promise<Source> {
  const path = resolve(root, word);
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) {
    return { network: readNetwork(word, hints), ...withRun(runIn(dirname(path))) };
  }
  if (looksLikeFile(word)) return { network: readNetwork(word, hints) };
  const run = await findRun(word, { root, connect: () => destinationOf().connect(new AbortController().signal) });
  const folder = resolve(root, await fetchRun(run, root));
  const file = join(folder, checkpointFiles.last);
  if (!existsSync(file)) {
    throw new UserError(`--from: ${run.title} holds no network (${checkpointFiles.last}): name the run of a training`);
  }
  return { network: readNetwork(file, hints), made: { run, folder } };
}

const withRun = (made: SourceRun | undefined): { readonly made?: SourceRun } => (made ? { made } : {});

/** Whether a word that names nothing was meant as a file rather than as a run. */
const looksLikeFile = (word: string): boolean => /\.\w+$/.test(basename(word));

/** The finished run in a folder; undefined where the folder is none. */
function runIn(folder: string): SourceRun | undefined {
  if (!existsSync(join(folder, 'config.json')) || !existsSync(join(folder, 'result.json'))) return undefined;
  return { run: readRun(folder, folder), folder };
}
