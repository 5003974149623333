import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
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
import { runPage } from '../../tracking/sync/server-run';
import { type RecordedRun, type Records, readRun, recordedRun, recordFiles } from './recorded-run';

/** Where runs are looked for. */
export interface Places {
  /** The workspace's folder. */
  readonly root: string;
  /** Reaches MLflow; asked only where the folders do not know enough. */
  readonly connect: () => Promise<Connection>;
}

/**
 * A run by its folder (`runs/face/student/1a2b3c4d5e6f`), its key (`1a2b3c4d5e6f`) or MLflow's id, or by the beginning
 * of one that no other run has.
 * @throws UserError where there is none, several, or not all that making it again needs
 */
export async function findRun(word: string, { root, connect }: Places): Promise<RecordedRun> {
  const named = resolve(root, word);
  if (existsSync(named)) return readRun(named, word);
  if (!/^[0-9a-f]{4,32}$/.test(word)) {
    throw new UserError(`'${word}' is neither a run's folder nor its id, which has 4 to 32 digits 0-9, a-f`);
  }
  const folders = await foldersOf(word, root);
  const [folder, ...others] = folders;
  if (folder !== undefined) {
    if (others.length > 0) throw ambiguous(word, folders);
    return readRun(join(root, folder), folder);
  }
  return findInMlflow(word, { root, connect });
}

const ambiguous = (word: string, runs: readonly string[]): UserError =>
  new UserError(`several runs begin with ${word}: ${runs.slice(0, 5).join(', ')}${runs.length > 5 ? ', ...' : ''}`);

/** The folders of runs whose key, or whose id in MLflow, begins so; relative. */
async function foldersOf(beginning: string, root: string): Promise<readonly string[]> {
  const byKey = await fastGlob(`runs/*/*/${beginning}*/config.json`, { cwd: root });
  if (byKey.length > 0) return byKey.map(dirname).sort();
  const sent = await fastGlob('runs/*/*/*/journal.sent.json', { cwd: root });
  return sent
    .filter((file) => runIdIn(join(root, file)).startsWith(beginning))
    .map(dirname)
    .sort();
}

function runIdIn(file: string): string {
  try {
    return String(Reflect.get(Object(JSON.parse(readFileSync(file, 'utf8'))), 'runId'));
  } catch {
    return '';
  }
}

async function findInMlflow(word: string, { root, connect }: Places): Promise<RecordedRun> {
  let connection: Connection;
  let runs: readonly Run[];
  try {
    connection = await connect();
    const experimentIds = await experimentsOf(packagesIn(root), connection);
    const filter = `attributes.run_id LIKE '${word}%'`;
    runs = experimentIds.length === 0 ? [] : await searchRuns(connection, { experimentIds, filter, limit: 6 });
  } catch (error) {
    if (!(error instanceof MlflowError) && !(error instanceof UserError)) throw error;
    throw new UserError(`no run in runs/ begins with ${word}, and MLflow cannot be asked: ${sentenceOf(error)}`, 1);
  }
  const [run, ...others] = runs;
  if (run === undefined) throw new UserError(`no run begins with ${word}, in runs/ or in MLflow at ${connection.uri}`);
  if (others.length > 0)
    throw ambiguous(
      word,
      runs.map(({ info }) => info.run_id),
    );
  const recorded = recordedRun(await recordsOf(connection, run), `run ${run.info.run_id} in MLflow`);
  const metrics = run.data.metrics.map(({ key }) => key);
  const address = runPage(connection.uri, run.info.experiment_id, run.info.run_id);
  return {
    ...recorded,
    finished: { ...recorded.finished, address },
    inMlflow: { connection, info: run.info, metrics },
  };
}

function packagesIn(root: string): readonly string[] {
  const files = fastGlob.sync('packages/*/experiments/*.ts', { cwd: root });
  return [...new Set(files.map((file) => relative('packages', dirname(dirname(file)))))].sort();
}

/** The ids of the experiments in which MLflow has the runs of packages. */
export async function experimentsOf(packages: readonly string[], connection: Connection): Promise<string[]> {
  const found = await Promise.all(packages.map((name) => getExperimentByName(connection, `headshare/${name}`)));
  return found.flatMap((experiment) => (experiment === undefined ? [] : [experiment.experiment_id]));
}

async function recordsOf(connection: Connection, { info }: Run): Promise<Records> {
  const texts = await Promise.all(
    recordFiles.map(async (file) => [file, await artifactText(connection, info, file)] as const),
  );
  return Object.fromEntries(texts);
}

async function artifactText(connection: Connection, info: Run['info'], path: string): Promise<string | undefined> {
  try {
    const parts: Uint8Array[] = [];
    for await (const part of readArtifact(connection, info, path)) parts.push(part);
    return Buffer.concat(parts).toString('utf8');
  } catch (error) {
    if (error instanceof MlflowError && error.code === 'RESOURCE_DOES_NOT_EXIST') return undefined;
    throw error;
  }
}
