import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parentVariable } from '../../tracking/run-tags';
import type { PlannedStage } from '../define';
import type { MemoryGuard } from './memory';
import type { Outcome } from './schedule';

export interface ProcessSettings {
  /** Threads of each process. */
  readonly threads: number;
  /** The journal of the run that they are part of; undefined where it is not recorded. */
  readonly parent: string | undefined;
  readonly signal: AbortSignal;
  readonly memory: MemoryGuard;
}

const mainFile = join(__dirname, '../main.ts');

/** What a training in a process of its own prints, in the run's folder. */
export const outputFile = 'output.log';

/** How an experiment's command line ends for wrong options: trying again cannot help. */
const wrongUsage = 2;

/** How it ends when it was told to stop, and before it listens for that. */
const stoppedEnds: readonly (string | number)[] = [
  130,
  143,
  'killed by SIGINT',
  'killed by SIGTERM',
  'killed by SIGHUP',
];

/**
 * Trains a stage in a process of its own, by the command that a person would give. It is told to stop, and to keep a
 * checkpoint, when `signal` is aborted, and stops by itself when this process dies: the channel between them ends then.
 * It is in a group of its own, so that Ctrl-C reaches it once, from here.
 */
export async function runInProcess(stage: PlannedStage, settings: ProcessSettings): Promise<Outcome> {
  const { threads, parent, signal, memory } = settings;
  mkdirSync(stage.folder, { recursive: true });
  const file = join(stage.folder, outputFile);
  const output = openSync(file, 'a');
  const began = performance.now();
  writeSync(output, `$ ${stage.command.join(' ')}\n`);
  const words = ['-r', require.resolve('@swc-node/register'), mainFile, ...stage.command];
  const child = spawn(process.execPath, words, {
    detached: true,
    stdio: ['ignore', output, output, 'ipc'],
    env: { ...process.env, HEADSHARE_THREADS: String(threads), ...(parent && { [parentVariable]: parent }) },
  });
  closeSync(output);
  const stop = (): void => {
    child.kill('SIGTERM');
  };
  signal.addEventListener('abort', stop);
  const forget = child.pid === undefined ? undefined : memory.watch(child.pid);
  const ended = await new Promise<string | number>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, killedBy) => resolve(code ?? `killed by ${killedBy}`));
  });
  forget?.();
  signal.removeEventListener('abort', stop);
  if (ended === 0 && (await stage.finished())) return { done: true, seconds: (performance.now() - began) / 1000 };
  if (ended === 0)
    return { done: false, reason: 'its result is another: sources or data changed meanwhile', hopeless: true };
  const how = typeof ended === 'number' ? `exit code ${ended}` : ended;
  const said = lastLine(file);
  const reason = `${how}${said && `, ${said}`}`;
  return { done: false, reason, hopeless: ended === wrongUsage, stopped: stoppedEnds.includes(ended) };
}

/** The last line that says something; of a stack, the error that it belongs to. */
function lastLine(file: string): string {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-40);
  const said = lines.filter((line) => line.trim() !== '' && !/^\s+at |^\$ /.test(line));
  return said.at(-1)?.trim().slice(0, 300) ?? '';
}
