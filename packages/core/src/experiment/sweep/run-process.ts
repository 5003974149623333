import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../system/make-folder.cjs';
import { parentVariable } from '../../tracking/run-tags';
import type { PlannedStage } from '../define';
import type { MemoryGuard } from './memory';
import type { Outcome } from './schedule';

/** The output of a training's process, in the run's folder. */
export const outputFile = 'output.log';

/** The exit code for wrong options, which no retry can mend. */
const wrongUsage = 2;

/** The ends of a process that was stopped: by its own handler, or by a signal before it has one. */
const stoppedEnds: readonly (string | number)[] = [
  130,
  143,
  'killed by SIGINT',
  'killed by SIGTERM',
  'killed by SIGHUP',
];

/**
 * Runs a stage in a process, by the command that a person would give. When `signal` is aborted, the process gets SIGTERM
 * and writes a checkpoint; when this process dies, the channel between them closes and it stops by itself. It leads a
 * process group, so that Ctrl-C reaches it once, from here.
 * @param parent the journal of the parent run
 */
export async function runInProcess(
  stage: PlannedStage,
  { threads, parent, memory }: { threads: number; parent: string | undefined; memory: MemoryGuard },
  signal: AbortSignal,
): Promise<Outcome> {
  makeFolder(stage.folder);
  const file = join(stage.folder, outputFile);
  const output = openSync(file, 'a');
  const began = performance.now();
  writeSync(output, `$ ${stage.command.join(' ')}\n`);
  const [register, main] = [join(__dirname, '../../../register.cjs'), join(__dirname, '../main.ts')];
  const child = spawn(process.execPath, ['-r', register, main, ...stage.command], {
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
  if (ended === 0) {
    if (await stage.finished()) return { done: true, seconds: (performance.now() - began) / 1000 };
    return { done: false, reason: 'its result is of other sources or data, which changed meanwhile', hopeless: true };
  }
  const reason = [typeof ended === 'number' ? `exit code ${ended}` : ended, lastLine(file)].filter(Boolean).join(', ');
  return { done: false, reason, hopeless: ended === wrongUsage, stopped: stoppedEnds.includes(ended) };
}

/** The last line of the output; the error itself, where a stack follows it. */
function lastLine(file: string): string {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-40);
  const said = lines.filter((line) => line.trim() !== '' && !/^\s+at |^\$ /.test(line));
  return said.at(-1)?.trim().slice(0, 300) ?? '';
}
