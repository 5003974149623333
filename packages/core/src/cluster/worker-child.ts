import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { indexVariable, isToLauncher } from './worker-process';

/** A command line. */
export interface WorkerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
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

/** A worker's output lies here; home's goes to the terminal, without TensorFlow's lines. */
export const outputFile = (folder: string, index: number): string =>
  join(folder, index === 0 ? 'home.log' : `worker-${index}.log`);

/**
 * Starts a worker. Home (index 0) has the launcher's output, so that its progress is seen; TensorFlow tells of each
 * aborted collective, and those lines go to a file.
 */
export function startWorker(
  index: number,
  { command, args, environment }: WorkerCommand,
  folder: string,
  onEnd: (end: WorkerEnd) => void,
): ChildProcess {
  const isHome = index === 0;
  const file = openSync(outputFile(folder, index), 'a');
  const child = spawn(command, args, {
    stdio: ['ignore', isHome ? 'inherit' : file, isHome ? 'pipe' : file, 'ipc'],
    env: { ...environment, [indexVariable]: String(index) },
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
