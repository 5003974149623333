import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import fastGlob from 'fast-glob';
import {
  type Connection,
  getExperimentByName,
  MlflowError,
  type Run,
  readArtifact,
  searchRuns,
} from 'mlflow-js-client';
import { sentenceOf } from '../../system/sentence-of';
import { UserError } from '../../system/user-error';
import { keyTag } from '../../tracking/run-tags';
import { runPage } from '../../tracking/sync/server-run';
import { runIdIn } from '../../tracking/sync/sync-state';
import { type RecordedRun, type Records, readRun, recordedRun, recordFiles } from './recorded-run';

/** The places to search for runs. */
export interface Places {
  /** The workspace's folder. */
  readonly root: string;
  /** Connects to MLflow; called only when no folder has the run. */
  readonly connect: () => Promise<Connection>;
}

/**
 * Finds a run by its folder (`runs/face/student/1a2b3c4d5e6f`), its key (`1a2b3c4d5e6f`), its id in MLflow, or a unique
 * beginning of key or id.
 * @throws UserError for no run, several runs, or one whose record is incomplete
 */
export async function findRun(word: string, { root, connect }: Places): Promise<RecordedRun> {
  const named = resolve(root, word);
  if (existsSync(named)) return readRun(named, word);
  if (!/^[0-9a-f]{4,32}$/.test(word)) {
    throw new UserError(`'${word}' is neither a run's folder nor its id, which has 4 to 32 digits 0-9, a-f`);
  }
  const folders = await foldersOf(word, root);
  if (folders.length > 1) throw ambiguous(word, folders);
  const [folder] = folders;
  return folder === undefined ? findInMlflow(word, { root, connect }) : readRun(join(root, folder), folder);
}

const ambiguous = (word: string, runs: readonly string[]): UserError =>
  new UserError(`several runs begin with ${word}: ${runs.slice(0, 5).join(', ')}${runs.length > 5 ? ', ...' : ''}`);

/** The folders, relative to the root, of runs whose key, or else whose id in MLflow, begins so. */
async function foldersOf(beginning: string, root: string): Promise<readonly string[]> {
  const byKey = await fastGlob(`runs/*/*/${beginning}*/config.json`, { cwd: root });
  if (byKey.length > 0) return byKey.map(dirname).sort();
  const sent = (await fastGlob('runs/*/*/*/journal.sent.json', { cwd: root })).map(dirname);
  return sent.filter((folder) => runIdIn(join(root, folder, 'journal.jsonl'))?.startsWith(beginning)).sort();
}

async function findInMlflow(word: string, { root, connect }: Places): Promise<RecordedRun> {
  let connection: Connection;
  let runs: readonly Run[];
  try {
    connection = await connect();
    const files = await fastGlob('packages/*/experiments/*.ts', { cwd: root });
    const packages = new Set(files.map((file) => basename(dirname(dirname(file)))));
    const experimentIds = await experimentsOf([...packages].sort(), connection);
    const search = (filter: string, limit: number) => searchRuns(connection, { experimentIds, filter, limit });
    if (experimentIds.length === 0) runs = [];
    else {
      runs = await search(`attributes.run_id LIKE '${word}%'`, 6);
      if (runs.length === 0) runs = onePerKey(await search(`tags.\`${keyTag}\` LIKE '${word}%'`, 100));
    }
  } catch (error) {
    if (!(error instanceof MlflowError) && !(error instanceof UserError)) throw error;
    throw new UserError(`no run in runs/ begins with ${word}, and MLflow cannot be asked: ${sentenceOf(error)}`, 1);
  }
  const [run] = runs;
  if (run === undefined) throw new UserError(`no run begins with ${word}, in runs/ or in MLflow at ${connection.uri}`);
  const ids = runs.map(({ info }) => info.run_id);
  if (runs.length > 1) throw ambiguous(word, ids);
  const { info } = run;
  const texts = await Promise.all(
    recordFiles.map(async (file) => [file, await textOf(connection, info, file)] as const),
  );
  const recorded = recordedRun(Object.fromEntries(texts) as Records, `run ${info.run_id} in MLflow`);
  const address = runPage(connection.uri, info.experiment_id, info.run_id);
  return {
    ...recorded,
    finished: { ...recorded.finished, address },
    inMlflow: { connection, info, metrics: run.data.metrics.map(({ key }) => key) },
  };
}

/** One run of each key: a finished one, if there is one. Several machines may have run the same work. */
function onePerKey(runs: readonly Run[]): readonly Run[] {
  const found = new Map<string | undefined, Run>();
  for (const run of runs) {
    const key = run.data.tags.find((tag) => tag.key === keyTag)?.value;
    if (!found.has(key) || (run.info.status === 'FINISHED' && found.get(key)?.info.status !== 'FINISHED')) {
      found.set(key, run);
    }
  }
  return [...found.values()];
}

/** The ids of the packages' experiments in MLflow. */
export async function experimentsOf(packages: readonly string[], connection: Connection): Promise<string[]> {
  const found = await Promise.all(packages.map((name) => getExperimentByName(connection, `headshare/${name}`)));
  return found.flatMap((experiment) => (experiment === undefined ? [] : [experiment.experiment_id]));
}

/** The text of an artifact; undefined where the run has none of that name. */
async function textOf(connection: Connection, info: Run['info'], path: string): Promise<string | undefined> {
  try {
    const parts: Uint8Array[] = [];
    for await (const part of readArtifact(connection, info, path)) parts.push(part);
    return Buffer.concat(parts).toString('utf8');
  } catch (error) {
    if (error instanceof MlflowError && error.code === 'RESOURCE_DOES_NOT_EXIST') return undefined;
    throw error;
  }
}
