import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { lockFolder } from '../runtime/lock-folder';
import { type Catalog, nameOf, reach } from './catalog';
import { folderFingerprint } from './data-fingerprint.cjs';
import type { RunContext, Stage, StageOutcome, StageResult } from './define';
import { environmentOf, environmentTags, recordEnvironment } from './environment';
import type { openTracker } from './open-tracker';
import { resolveOptions, type Settings } from './settings';
import {
  copyRun,
  digestFile,
  type FinishedRun,
  familyKey,
  type RunIdentity,
  readFinished,
  runKey,
  sha256,
  type UsedStage,
  writeFinished,
  writeJson,
} from './store';

/** What all stages of one command share. */
export interface Session {
  readonly catalog: Catalog;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  /** The data's fingerprint. */
  readonly data: string;
  /** The digest of the sources. */
  readonly sources: string;
  /** Digests of what options name, by path, as far as they were taken: stages share files and folders. */
  readonly digests: Map<string, string>;
  /** Opens the tracker of one stage. */
  readonly track: typeof openTracker;
  /** Where runs go instead of the workspace's `runs/`; what was done before, there or in `artifacts/`, is then no matter. */
  readonly runs?: string;
}

/** A finished run and where it lies. */
export interface StageRun {
  readonly run: FinishedRun;
  readonly folder: string;
  /** It was there already: nothing had to be done. */
  readonly reused: boolean;
}

/**
 * Makes sure that an experiment has run under these settings: a finished run with the same code, options and data is
 * reused (from `runs/`, or from `artifacts/`, where Nx's cache puts it), an interrupted one goes on in its folder.
 * Throws what the experiment throws, and UserError for settings that it cannot run under.
 */
export async function runStage(experiment: Stage, settings: Settings, session: Session): Promise<StageRun> {
  const { catalog, log, data, sources } = session;
  const name = nameOf(catalog, experiment);
  const options = Object.fromEntries(
    reach(experiment).map((it) => [nameOf(catalog, it), resolveOptions(it, settings)]),
  );
  const files = await filesOf(reach(experiment), options, session);
  const device = process.env.TF_DEVICE || 'cpu';
  const identity = { experiment: name, options, data, sources, device, ...(files && { files }) };
  const key = runKey(identity);
  const folder = join(session.runs ?? join(catalog.root, 'runs'), catalog.package, name, key);
  const shownFolder = relative(catalog.root, folder);

  const artifacts = session.runs === undefined ? artifactsFolder(catalog, name) : undefined;
  const finished = await findFinished(folder, key, artifacts);
  if (finished !== undefined) {
    log(`${name}: done already, ${shownFolder}`);
    return { run: finished, folder, reused: true };
  }
  const resumed = existsSync(join(folder, 'config.json'));
  await makeFolder(folder);
  const unlock = await lockFolder(folder, () => log(`${name}: another process is at it; waiting for its result`));
  try {
    // The process that held the lock may have done the work.
    const done = await readFinished(folder);
    if (done !== undefined) return { run: done, folder, reused: true };
    const label = runName(experiment, name, settings);
    log(`${label}: ${resumed ? 'goes on' : 'starts'} in ${shownFolder}`);
    const run = await runHere(experiment, { name, label, key, folder, settings, identity }, session);
    return { run, folder, reused: false };
  } finally {
    await unlock();
  }
}

/** The digests of files, and fingerprints of folders, that options name, by path; undefined where they name none. */
async function filesOf(
  stages: readonly Stage[],
  options: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  { catalog, digests }: Session,
): Promise<Readonly<Record<string, string>> | undefined> {
  const named: Record<string, string> = {};
  for (const stage of stages) {
    for (const [option, { names }] of Object.entries(stage.options)) {
      const path = options[nameOf(catalog, stage)]?.[option];
      if (names === undefined || typeof path !== 'string') continue;
      const known = digests.get(path);
      const digest = known ?? (names === 'file' ? await digestFile(path) : (folderFingerprint(path) ?? 'gone'));
      digests.set(path, digest);
      named[path] = digest;
    }
  }
  return Object.keys(named).length === 0 ? undefined : named;
}

/** Makes `artifacts/<package>/<experiment>/`, the Nx target's output, hold this run. */
export async function publish(name: string, { run, folder }: StageRun, catalog: Catalog): Promise<void> {
  const output = artifactsFolder(catalog, name);
  if ((await readFinished(output))?.key !== run.key) await copyRun(folder, output);
}

interface Work {
  readonly name: string;
  readonly label: string;
  readonly key: string;
  readonly folder: string;
  readonly settings: Settings;
  readonly identity: RunIdentity;
}

async function runHere(experiment: Stage, work: Work, session: Session): Promise<FinishedRun> {
  const { name, label, key, folder, settings } = work;
  const { catalog, signal, log } = session;
  const options = resolveOptions(experiment, settings);
  await writeJson(join(folder, 'config.json'), {
    package: catalog.package,
    profile: settings.profile,
    ...work.identity,
  });
  const environment = await environmentOf(catalog.root);
  await recordEnvironment(folder, environment);
  const tracker = await session.track({
    package: catalog.package,
    experiment: name,
    runName: label,
    folder,
    params: { ...options, profile: settings.profile },
    tags: { ...environmentTags(environment), ...identityTags(work.identity), 'headshare.key': key },
    log,
  });
  const began = Date.now();
  const stages: UsedStage[] = [];
  const context: RunContext<Readonly<Record<string, unknown>>> = {
    options,
    folder,
    signal,
    tracker,
    log,
    stage: (other, overrides = {}) => stageWithin(other, { ...settings, given: { ...settings.given, ...overrides } }),
  };
  const stageWithin = async <R extends StageResult>(other: Stage<R>, nested: Settings): Promise<StageOutcome<R>> => {
    const outcome = await runStage(other, nested, session);
    const { experiment: used, key: usedKey, digests = {} } = outcome.run;
    stages.push({ experiment: used, key: usedKey, digests });
    // The run with this key was made by `other.start`, whose result is an R; JSON keeps plain data as it was.
    return { result: outcome.run.result as R, folder: outcome.folder };
  };
  try {
    const { passing = [], ...result } = await experiment.start(context);
    signal.throwIfAborted();
    const seconds = (Date.now() - began) / 1000;
    const digests = await digestsOf(folder, result.files ?? []);
    const run: FinishedRun = { key, experiment: name, seconds, digests, stages, result };
    await writeFinished(folder, run);
    await Promise.all(passing.map((file) => rm(join(folder, file), { force: true })));
    tracker.metrics(prefixed('final/', result.metrics), 0);
    for (const file of ['config.json', 'environment.json', 'result.json', ...(result.files ?? [])])
      tracker.artifact(join(folder, file));
    const { address, note } = await tracker.finish('FINISHED');
    if (note !== undefined) log(note);
    if (address === undefined) return run;
    const tracked = { ...run, address };
    await writeFinished(folder, tracked);
    return tracked;
  } catch (error) {
    await tracker.finish(signal.aborted ? 'KILLED' : 'FAILED');
    throw error;
  }
}

async function digestsOf(folder: string, files: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const digests: Record<string, string> = {};
  for (const file of files) if (existsSync(join(folder, file))) digests[file] = await sha256(join(folder, file));
  return digests;
}

/** By which runs of the same work are found in MLflow. */
const identityTags = (identity: RunIdentity): Record<string, string> => ({
  'headshare.family': familyKey(identity),
  'headshare.data': identity.data,
  'headshare.sources': identity.sources,
  'headshare.device': identity.device,
});

async function findFinished(
  folder: string,
  key: string,
  artifacts: string | undefined,
): Promise<FinishedRun | undefined> {
  const here = await readFinished(folder);
  if (here !== undefined || artifacts === undefined) return here;
  const published = await readFinished(artifacts);
  if (published?.key !== key) return undefined;
  await copyRun(artifacts, folder);
  return published;
}

/** Node's recursive mkdir calls a read-only file system ENOENT; step by step, the error is the true one. */
async function makeFolder(folder: string): Promise<void> {
  if (existsSync(folder)) return;
  await makeFolder(dirname(folder));
  await mkdir(folder).catch((error: unknown) => {
    if (Reflect.get(Object(error), 'code') !== 'EEXIST') throw error;
  });
}

const prefixed = (prefix: string, values: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));

const artifactsFolder = (catalog: Catalog, name: string): string =>
  join(catalog.root, 'artifacts', catalog.package, name);

/** What tells runs apart in a list of them: the experiment, the profile, and those of its options that were given. */
function runName(experiment: Stage, name: string, { profile, given }: Settings): string {
  const settings = Object.entries(given)
    .filter(([option]) => Object.hasOwn(experiment.options, option))
    .map(([option, value]) => `${option}=${String(value)}`);
  return [name, ...(profile === 'default' ? [] : [profile]), ...settings].join(' ').slice(0, 200);
}
