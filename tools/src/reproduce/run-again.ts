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
  /** The workspace's folder: relative paths in options start there. */
  readonly root: string;
  /** The folder of the sources that run: the workspace's, or a worktree's. */
  readonly sources: string;
  /** A fresh folder for runs. */
  readonly runs: string;
  readonly words: readonly string[];
  readonly signal: AbortSignal;
  /** Takes what it prints, line by line. */
  readonly say: (line: string) => void;
}

/**
 * Makes a run anew in a process of its own, with as many threads and on the device that it had, unless the environment
 * says otherwise. What it prints comes out as it goes.
 * @throws UserError when it fails, and the signal's reason
 */
export async function runAgain(
  run: RecordedRun,
  { root, sources, runs, words, signal, say }: Again,
): Promise<RecordedRun> {
  signal.throwIfAborted();
  const file = join(sources, 'packages', run.package, 'experiments', `${run.identity.experiment}.ts`);
  const runner = join(sources, 'packages/core/src/experiment/main.ts');
  const child = spawn(process.execPath, ['-r', '@swc-node/register', runner, file, ...words], {
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
  if (code !== 0) throw new UserError(`the run failed where it had not before: exit code ${code}`, 1);
  const [result] = await fastGlob(`${run.package}/${run.identity.experiment}/*/result.json`, { cwd: runs });
  if (result === undefined) throw new UserError('the run left no result', 1);
  const folder = join(runs, result, '..');
  return readRun(folder, folder);
}

/** Sums are added up by threads: with another number of them, other bits are to be expected. */
function recordedEnvironment({ identity, environments }: RecordedRun): NodeJS.ProcessEnv {
  const recorded = environments.at(-1);
  return {
    ...(recorded && !process.env.HEADSHARE_THREADS && { HEADSHARE_THREADS: recorded.threads }),
    ...(recorded && !process.env.TF_NUM_INTEROP_THREADS && { TF_NUM_INTEROP_THREADS: recorded.operations }),
    ...(!process.env.TF_DEVICE && { TF_DEVICE: identity.device }),
  };
}

/** The sources may lie elsewhere than the data. */
const dataOf = (root: string): NodeJS.ProcessEnv => ({
  HEADSHARE_DATA: resolve(root, process.env.HEADSHARE_DATA || 'data'),
});

/** Puts finished stages of the run, and those that these read, where the new run finds them. @returns how many */
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
