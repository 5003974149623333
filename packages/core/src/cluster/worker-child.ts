import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { indexVariable, isToLauncher, scratchVariable } from './worker-process';

/** A command line. */
export interface WorkerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

/** Where a worker works. */
export interface WorkerPlace {
  /** 0: home. */
  readonly index: number;
  /** For output. */
  readonly folder: string;
  /** For files that nobody needs when the worker has ended, however it does; it is made and removed. */
  readonly scratch: string;
  /** It has the launcher's terminal. */
  readonly isShown: boolean;
}

/** How a worker ended. */
export interface WorkerEnd {
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly hasTrained: boolean;
  /** Why it failed, if it said so. */
  readonly sentence: string | undefined;
}

/** Lines of TensorFlow's own log, in its two formats. */
const tensorFlowLine =
  /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: |)[IWEF](\d{4} \d\d:\d\d:\d+\.\d+\s+\d+)? \S+:\d+\]|^WARNING: All log messages before absl/;

/** Errors of other processes have several lines. */
const nextTensorFlowLine =
  /^The error could be from a previous operation\.|\[type\.googleapis\.com\/tensorflow\.\w+='|^Additional GRPC error information|^:(UNKNOWN|\{"created")/;

export const isTensorFlowLine = (line: string): boolean => tensorFlowLine.test(line) || nextTensorFlowLine.test(line);

/** A worker's output lies here; of one that has the terminal, TensorFlow's lines alone. */
export const outputFile = (folder: string, index: number): string =>
  join(folder, index === 0 ? 'home.log' : `worker-${index}.log`);

/** Starts a worker. TensorFlow tells of each aborted collective: those lines go to a file, also of one that is shown. */
export function startWorker(
  { index, folder, scratch, isShown }: WorkerPlace,
  { command, args, environment }: WorkerCommand,
  onEnd: (end: WorkerEnd) => void,
): ChildProcess {
  mkdirSync(scratch, { recursive: true });
  const file = openSync(outputFile(folder, index), 'a');
  const child = spawn(command, args, {
    stdio: ['ignore', isShown ? 'inherit' : file, isShown ? 'pipe' : file, 'ipc'],
    env: { ...environment, [indexVariable]: String(index), [scratchVariable]: scratch },
  });
  let hasTrained = false;
  let sentence: string | undefined;
  child.on('message', (message) => {
    if (!isToLauncher(message)) return;
    if (message.headshare === 'trained') hasTrained = true;
    else sentence = message.sentence;
  });
  if (child.stderr) {
    createInterface(child.stderr).on('line', (line) => {
      if (isTensorFlowLine(line)) writeSync(file, `${line}\n`);
      else process.stderr.write(`${line}\n`);
    });
  }
  let isOver = false;
  const end = (code: number | null, signal: NodeJS.Signals | null): void => {
    if (isOver) return;
    isOver = true;
    closeSync(file);
    rmSync(scratch, { recursive: true, force: true });
    onEnd({ code: code ?? undefined, signal: signal ?? undefined, hasTrained, sentence });
  };
  child.once('close', end);
  child.once('error', (error) => {
    sentence = `Cannot run ${command}: ${error.message}.`;
    end(1, null);
  });
  return child;
}

/** The last lines of a worker's output that are not TensorFlow's. */
export function lastLines(folder: string, index: number, most = 10): readonly string[] {
  const lines = readFileSync(outputFile(folder, index), 'utf8').split('\n');
  return lines.filter((line) => line.trim() !== '' && !isTensorFlowLine(line)).slice(-most);
}
