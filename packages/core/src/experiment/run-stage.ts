import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { lockFolder } from '../system/lock-folder';
import { sentenceOf } from '../system/sentence-of';
import { sha256 } from '../system/sha256';
import type { Tracker } from '../tracking/tracker';
import type { Catalog } from './catalog';
import type { Overrides, PlannedStage, RunContext, Settings, Stage, StageOutcome, StageResult } from './define';
import { environmentOf, environmentTags, recordEnvironment } from './environment';
import { artifactsFolder, commandOf, findFinished, planRun, type RunPlan, type Session } from './plan-run';
import { resolveAll, resolveOptions } from './settings';
import {
  copyRun,
  type FinishedRun,
  familyKey,
  type RunIdentity,
  readFinished,
  type UsedStage,
  writeFinished,
  writeJson,
} from './store';

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
  const { catalog, log } = session;
  const plan = await planRun(experiment, settings, session);
  const { name, label, folder } = plan;
  const shownFolder = relative(catalog.root, folder);

  const finished = await findFinished(plan, session);
  if (finished !== undefined) {
    log(`${name}: done already, ${shownFolder}`);
    if (await wasLeft(folder))
      log(`${name}: it was killed before MLflow knew that it had finished; \`npx nx run tools:sync\` tells it`);
    return { run: finished, folder, reused: true };
  }
  const { package: packageName, root } = catalog;
  await experiment.preflight(resolveOptions(experiment, settings), {
    package: packageName,
    root,
    signal: session.signal,
  });
  const resumed = existsSync(join(folder, 'config.json'));
  await makeFolder(folder);
  const unlock = await lockFolder(
    folder,
    () => log(`${name}: another process is at it; waiting for its result`),
    session.signal,
  );
  try {
    // The process that held the lock may have done the work.
    const done = await readFinished(folder);
    if (done !== undefined) return { run: done, folder, reused: true };
    log(`${label}: ${resumed ? 'goes on' : 'starts'} in ${shownFolder}`);
    const run = await runHere(experiment, settings, plan, session);
    return { run, folder, reused: false };
  } finally {
    await unlock();
  }
}

/** Plans a stage and, under the same settings, what it needs. Throws UserError for settings that one cannot run under. */
export async function planStage<R extends StageResult>(
  experiment: Stage<R>,
  settings: Settings,
  session: Session,
): Promise<PlannedStage<R>> {
  const plan = await planRun(experiment, settings, session);
  const needs: PlannedStage[] = [];
  for (const other of Object.values(experiment.needs)) needs.push(await planStage(other, settings, session));
  return {
    experiment,
    key: plan.key,
    folder: plan.folder,
    options: resolveAll(experiment, settings),
    needs,
    command: commandOf(experiment, settings, session.catalog),
    async finished() {
      const run = await findFinished(plan, session);
      if (run === undefined) return undefined;
      const { seconds, address, digests } = run;
      // The run with this key was made by `experiment.start`, whose result is an R; JSON keeps plain data as it was.
      return {
        result: run.result as R,
        seconds,
        ...(address !== undefined && { address }),
        ...(digests && { digests }),
      };
    },
  };
}

/** Makes `artifacts/<package>/<experiment>/`, the Nx target's output, hold this run. */
export async function publish(name: string, { run, folder }: StageRun, catalog: Catalog): Promise<void> {
  const output = artifactsFolder(catalog, name);
  if ((await readFinished(output))?.key !== run.key) await copyRun(folder, output);
}

async function runHere(
  experiment: Stage,
  settings: Settings,
  { name, label, key, folder, identity }: RunPlan,
  session: Session,
): Promise<FinishedRun> {
  const { catalog, signal, log } = session;
  const options = resolveOptions(experiment, settings);
  await writeJson(join(folder, 'config.json'), {
    package: catalog.package,
    profile: settings.profile,
    ...identity,
  });
  const environment = await environmentOf(catalog.root);
  await recordEnvironment(folder, environment);
  const tracker = await session.track({
    package: catalog.package,
    experiment: name,
    runName: label,
    folder,
    params: { ...options, profile: settings.profile },
    tags: { ...environmentTags(environment), ...identityTags(identity), 'headshare.key': key, ...session.tags },
    log,
  });
  const system = tracker.id === undefined ? undefined : await startSystemMetrics(folder, tracker, log);
  const overridden = (overrides: Overrides): Settings => ({ ...settings, given: { ...settings.given, ...overrides } });
  const began = performance.now();
  const stages: UsedStage[] = [];
  const context: RunContext<Readonly<Record<string, unknown>>> = {
    options,
    given: settings.given,
    folder,
    signal,
    tracker,
    log,
    stage: (other, overrides = {}) => stageWithin(other, overridden(overrides)),
    plan: (other, overrides = {}) => planStage(other, overridden(overrides), session),
  };
  const stageWithin = async <R extends StageResult>(other: Stage<R>, nested: Settings): Promise<StageOutcome<R>> => {
    const outcome = await runStage(other, nested, session);
    const { experiment: used, key: usedKey, digests = {} } = outcome.run;
    stages.push({ experiment: used, key: usedKey, digests });
    // The run with this key was made by `other.start`, whose result is an R; JSON keeps plain data as it was.
    return { result: outcome.run.result as R, folder: outcome.folder };
  };
  const finishTracking = async (status: 'FINISHED' | 'FAILED' | 'KILLED'): Promise<string | undefined> => {
    const { address, unsent, note } = await tracker.finish(status);
    if (unsent !== undefined) session.unsent.add(unsent);
    if (note !== undefined) log(note);
    return address;
  };
  let run: FinishedRun;
  let temporaryFiles: readonly string[] = [];
  try {
    const { temporaryFiles: temporary = [], ...result } = await experiment.start(context).finally(() => system?.stop());
    signal.throwIfAborted();
    const seconds = (performance.now() - began) / 1000;
    const digests = await digestsOf(folder, result.files ?? []);
    temporaryFiles = temporary;
    run = { key, experiment: name, seconds, digests, stages, result };
    tracker.metrics(prefixed('final/', result.metrics), 0);
    for (const file of ['config.json', 'environment.json', ...(result.files ?? [])])
      tracker.artifact(join(folder, file));
    // Once the result is there, nothing of the run is done again: its record has to be.
    await tracker.flush();
    await writeFinished(folder, run);
  } catch (error) {
    await finishTracking(signal.aborted ? 'KILLED' : 'FAILED');
    throw error;
  }
  // From here on it has finished: on a full disk, what follows is not there, and that is all.
  tracker.artifact(join(folder, 'result.json'));
  await Promise.allSettled(temporaryFiles.map((file) => rm(join(folder, file), { force: true })));
  const address = await finishTracking('FINISHED');
  return { ...run, ...(address !== undefined && { address }) };
}

/** Ends the record of a run that was killed before it could. A run is of use where nothing can be written, too. */
async function wasLeft(folder: string): Promise<boolean> {
  if (!existsSync(join(folder, 'journal.jsonl'))) return false;
  const { closeOrphanedRun } = await import('./close-orphaned-run');
  return (await closeOrphanedRun(folder).catch(() => undefined)) !== undefined;
}

/** Loaded only now: `--help` and a finished run do without it. */
async function startSystemMetrics(folder: string, tracker: Tracker, log: Session['log']) {
  const { systemMetricsSettings, watchSystem } = await import('../tracking/system-metrics/system-metrics');
  const settings = systemMetricsSettings(process.env, log);
  try {
    return settings && watchSystem(folder, tracker, settings);
  } catch (error) {
    log(`The machine is not looked at: ${sentenceOf(error)}.`);
    return undefined;
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
