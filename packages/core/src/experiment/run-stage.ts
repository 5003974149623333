import { existsSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Member } from '../cluster/member';
import { ownPart } from '../cluster/stage-workers';
import { scratchFolder } from '../cluster/worker-process';
import { lockFolder } from '../system/lock';
import { makeFolder } from '../system/make-folder.cjs';
import { sentenceOf } from '../system/sentence-of';
import { sha256 } from '../system/sha256';
import { UserError } from '../system/user-error';
import { keyTag } from '../tracking/run-tags';
import { noOpTracker, type Tracker } from '../tracking/tracker';
import { appears } from './appears';
import type { Catalog } from './catalog';
import type { FinishedRun, Overrides, PlannedStage, RunContext, Settings, Stage, StageResult } from './define';
import { environmentOf, environmentTags, recordEnvironment } from './environment';
import { artifactsFolder, commandOf, findFinished, planRun, type RunPlan, type Session } from './plan-run';
import { resolveAll, resolveOptions } from './settings';
import { copyRun, familyKey, readFinished, writeFinished, writeJson } from './store';

/** A finished run and its folder. */
export interface StageRun<R extends StageResult = StageResult> {
  readonly run: FinishedRun<R>;
  readonly folder: string;
  /** It had finished before. */
  readonly reused: boolean;
}

/**
 * Runs an experiment unless it is done under these settings (see store.ts); resumes an interrupted run in its folder.
 * Throws the experiment's errors, and UserError for invalid settings.
 */
export async function runStage<R extends StageResult>(
  experiment: Stage<R>,
  settings: Settings,
  session: Session,
): Promise<StageRun<R>> {
  const { catalog, log, signal } = session;
  const plan = await planRun(experiment, settings, session);
  const { name, label, folder } = plan;
  const shownFolder = relative(catalog.root, folder);
  const reuse = (run: FinishedRun): StageRun<R> => ({ run: ofStage(experiment, run), folder, reused: true });

  const finished = await findFinished(plan, session);
  if (finished !== undefined) {
    log(`${name}: done already, ${shownFolder}`);
    if (await wasOrphaned(folder)) {
      log(`${name}: killed before MLflow learned that it had finished; \`npx nx run tools:sync\` sends the rest`);
    }
    return reuse(finished);
  }
  const { package: packageName, root } = catalog;
  if (session.member?.isHome === false) return follow(experiment, settings, plan, session);
  await experiment.preflight(resolveOptions(experiment, settings), { package: packageName, root, signal });
  const resumed = existsSync(join(folder, 'config.json'));
  makeFolder(folder);
  const unlock = await lockFolder(folder, () => log(`${name}: waiting for another process that runs it`), signal);
  try {
    // The process that held the lock may have finished the run.
    const done = await readFinished(folder);
    if (done !== undefined) return reuse(done);
    log(`${label}: ${resumed ? 'resumes' : 'starts'} in ${shownFolder}`);
    session.member?.post(turnOf(plan.key), 'started');
    const run = await runHere(experiment, settings, plan, session);
    session.member?.post(turnOf(plan.key), 'finished');
    return { run, folder, reused: false };
  } finally {
    await unlock();
  }
}

/**
 * Does its part of a stage in a worker that is not home: it trains with the others, in a folder of its own and untracked,
 * and takes the result from home's folder.
 */
async function follow<R extends StageResult>(
  experiment: Stage<R>,
  settings: Settings,
  plan: RunPlan,
  session: Session,
): Promise<StageRun<R>> {
  const { signal, log } = session;
  const { key, name, folder } = plan;
  const member = session.member as Member;
  const board = turnOf(key);
  await member.read(board);
  const elsewhere = (): UserError =>
    new UserError(
      `The first worker's folder of ${name}, ${folder}, is not here: all workers must see the same folder of runs.`,
      1,
    );
  if (member.peek(board) !== 'finished') {
    const isHere = await appears(() => existsSync(join(folder, 'config.json')) || undefined, signal);
    if (!isHere) throw elsewhere();
    log(`${name}: this worker takes part`);
    const own = mkdtempSync(join(scratchFolder(), 'headshare-worker-'));
    try {
      const stages: Stages = [];
      const context = contextOf(experiment, settings, { folder: own, plan, tracker: noOpTracker, stages }, session);
      await ownPart(experiment.start(context));
    } finally {
      await rm(own, { recursive: true, force: true });
    }
    signal.throwIfAborted();
    await member.read(board, (turn) => turn === 'finished');
  }
  const run = await appears(() => findFinished(plan, session), signal);
  if (run) return { run: ofStage(experiment, run), folder, reused: true };
  throw elsewhere();
}

/** Where home says what it does with a stage: `started` or `finished`. */
const turnOf = (key: string): string => `stage/${key}`;

/** Plans a stage and the stages that it needs under the same settings. Throws UserError for invalid settings. */
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
      return run && ofStage(experiment, run);
    },
  };
}

/** Copies a run into `artifacts/<package>/<experiment>/`, the output of its Nx target. */
export async function publish(name: string, { run, folder }: StageRun, catalog: Catalog): Promise<void> {
  const output = artifactsFolder(catalog, name);
  if ((await readFinished(output))?.key !== run.key) await copyRun(folder, output);
}

/** The type holds because a run with an experiment's key stores the result of its `start`, which is plain JSON data. */
const ofStage = <R extends StageResult>(_: Stage<R>, run: FinishedRun): FinishedRun<R> => run as FinishedRun<R>;

async function runHere<R extends StageResult>(
  experiment: Stage<R>,
  settings: Settings,
  plan: RunPlan,
  session: Session,
): Promise<FinishedRun<R>> {
  const { name, label, key, folder, identity } = plan;
  const { catalog, signal, log } = session;
  const { profile } = settings;
  const options = resolveOptions(experiment, settings);
  writeJson(join(folder, 'config.json'), { package: catalog.package, profile, ...identity });
  const environment = await environmentOf(catalog.root);
  await recordEnvironment(folder, environment);
  const tracker = await session.track({
    package: catalog.package,
    experiment: name,
    runName: label,
    folder,
    params: { ...options, profile },
    tags: {
      ...environmentTags(environment),
      'headshare.family': familyKey(identity),
      'headshare.data': identity.data,
      'headshare.sources': identity.sources,
      'headshare.device': identity.device,
      [keyTag]: key,
      ...session.tags,
    },
    log,
  });
  const systemMetrics = tracker.id === undefined ? undefined : await startSystemMetrics(folder, tracker, log);
  const finishTracking = async (status: 'FINISHED' | 'FAILED' | 'KILLED'): Promise<string | undefined> => {
    const { address, unsent, note } = await tracker.finish(status);
    if (unsent !== undefined) session.unsent.add(unsent);
    if (note !== undefined) log(note);
    return address;
  };
  const began = performance.now();
  const stages: Stages = [];
  const context = contextOf(experiment, settings, { folder, plan, tracker, stages }, session);
  let run: FinishedRun<R>;
  let temporary: readonly string[];
  try {
    const { temporaryFiles = [], ...result } = await experiment.start(context).finally(() => systemMetrics?.stop());
    signal.throwIfAborted();
    temporary = temporaryFiles;
    const { files = [], metrics } = result;
    const seconds = (performance.now() - began) / 1000;
    run = { key, experiment: name, seconds, digests: await digestsOf(folder, files), stages, result: result as R };
    tracker.metrics(Object.fromEntries(Object.entries(metrics).map(([one, value]) => [`final/${one}`, value])), 0);
    for (const file of ['config.json', 'environment.json', ...files]) tracker.artifact(join(folder, file));
    // A run with a result never runs again, so its record must be complete before.
    await tracker.flush();
    writeFinished(folder, run);
  } catch (error) {
    await finishTracking(signal.aborted ? 'KILLED' : 'FAILED');
    throw error;
  }
  // The run has finished: later failures, such as a full disk, do not matter.
  tracker.artifact(join(folder, 'result.json'));
  await Promise.allSettled(temporary.map((file) => rm(join(folder, file), { force: true })));
  const address = await finishTracking('FINISHED');
  return { ...run, ...(address !== undefined && { address }) };
}

type Stages = NonNullable<FinishedRun['stages']>[number][];

/** What an experiment gets. @param stages receives the runs of other experiments that it uses */
function contextOf(
  experiment: Stage,
  settings: Settings,
  {
    folder,
    plan,
    tracker,
    stages,
  }: Pick<RunContext<unknown>, 'folder' | 'tracker'> & { plan: RunPlan; stages: Stages },
  session: Session,
): RunContext<Overrides> {
  const { signal, log, member } = session;
  const { profile, given } = settings;
  const overridden = (overrides: Overrides = {}): Settings => ({ profile, given: { ...given, ...overrides } });
  return {
    options: resolveOptions(experiment, settings),
    given,
    folder,
    signal,
    tracker,
    log,
    ...(member && { workers: { member, stage: plan.key, folder: plan.folder } }),
    async stage(other, overrides) {
      const { run, folder } = await runStage(other, overridden(overrides), session);
      stages.push({ experiment: run.experiment, key: run.key, digests: run.digests ?? {} });
      return { result: run.result, folder };
    },
    plan: (other, overrides) => planStage(other, overridden(overrides), session),
  };
}

/** Closes the record of a finished run whose process was killed. A folder that cannot be written is no error. */
async function wasOrphaned(folder: string): Promise<boolean> {
  if (!existsSync(join(folder, 'journal.jsonl'))) return false;
  const { closeOrphanedRun } = await import('./close-orphaned-run');
  return (await closeOrphanedRun(folder).catch(() => undefined)) !== undefined;
}

/** Imports lazily, because `--help` and finished runs need no system metrics. */
async function startSystemMetrics(folder: string, tracker: Tracker, log: Session['log']) {
  const { systemMetricsSettings, watchSystem } = await import('../tracking/system-metrics/system-metrics');
  const settings = systemMetricsSettings(process.env, log);
  try {
    return settings && watchSystem(folder, tracker, settings);
  } catch (error) {
    log(`System metrics are off: ${sentenceOf(error)}.`);
    return undefined;
  }
}

async function digestsOf(folder: string, files: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const digests: Record<string, string> = {};
  for (const file of files) if (existsSync(join(folder, file))) digests[file] = await sha256(join(folder, file));
  return digests;
}
