import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type RecordedRun, readRun } from '@headshare/core/experiment/recorded/recorded-run';
import { copyRun, readFinished } from '@headshare/core/experiment/store';
import { UserError } from '@headshare/core/system/user-error';
import fastGlob from 'fast-glob';

export interface Again {
  /** The workspace's folder, to which paths in options are relative. */
  readonly root: string;
  /** The folder of the sources: the workspace or a worktree. */
  readonly sources: string;
  /** An empty folder for the new runs. */
  readonly runs: string;
  readonly words: readonly string[];
  readonly signal: AbortSignal;
  /** Takes the lines that the run prints. */
  readonly say: (line: string) => void;
}

/**
 * Makes a run again in another process, with the run's device and number of threads unless environment variables choose
 * others.
 * @throws UserError if it fails; the signal's reason
 */
export async function runAgain(
  run: RecordedRun,
  { root, sources, runs, words, signal, say }: Again,
): Promise<RecordedRun> {
  signal.throwIfAborted();
  const file = join(sources, 'packages', run.package, 'experiments', `${run.identity.experiment}.ts`);
  const runner = join(sources, 'packages/core/src/experiment/main.ts');
  const preload = join(sources, 'packages/core/register.cjs');
  // A worktree may hold a commit from before it.
  const register = existsSync(preload) ? preload : '@swc-node/register';
  const child = spawn(process.execPath, ['-r', register, runner, file, ...words], {
    cwd: root,
    env: { ...process.env, ...recordedEnvironment(run), HEADSHARE_RUNS: runs, ...dataOf(root) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', say);
  const stop = (): void => {
    child.kill('SIGTERM');
  };
  signal.addEventListener('abort', stop);
  const [code] = await once(child, 'close').finally(() => signal.removeEventListener('abort', stop));
  signal.throwIfAborted();
  if (code !== 0) throw new UserError(`the new run failed with exit code ${code}`, 1);
  const [result] = await fastGlob(`${run.package}/${run.identity.experiment}/*/result.json`, { cwd: runs });
  if (result === undefined) throw new UserError('the new run left no result', 1);
  const folder = join(runs, result, '..');
  return readRun(folder, folder);
}

/** With another number of threads, some large sums have other roundings. */
function recordedEnvironment({ identity, environments }: RecordedRun): NodeJS.ProcessEnv {
  const recorded = environments.at(-1);
  return {
    ...(recorded && !process.env.HEADSHARE_THREADS && { HEADSHARE_THREADS: recorded.threads }),
    ...(recorded && !process.env.TF_NUM_INTEROP_THREADS && { TF_NUM_INTEROP_THREADS: recorded.operations }),
    ...(!process.env.TF_DEVICE && { TF_DEVICE: identity.device }),
  };
}

/** The data stay in the workspace, also for sources in a worktree. */
const dataOf = (root: string): NodeJS.ProcessEnv => ({
  HEADSHARE_DATA: resolve(root, process.env.HEADSHARE_DATA || 'data'),
});

/** Copies the run's finished stages, and those that these depend on, to the new runs. @returns how many */
export async function reuseStages(run: RecordedRun, root: string, runs: string): Promise<number> {
  let reused = 0;
  for (const { experiment, key } of run.finished.stages ?? []) {
    const place = join(run.package, experiment, key);
    const folder = join(root, 'runs', place);
    if (existsSync(join(runs, place)) || (await readFinished(folder)) === undefined) continue;
    await copyRun(folder, join(runs, place));
    reused += 1 + (await reuseStages(readRun(folder, folder), root, runs));
  }
  return reused;
}
