/** What a launcher and its workers agree on: environment, exit code, messages over Node's IPC channel. */
import { tmpdir } from 'node:os';
import { isRecord } from '../system/is-record';
import { type Address, readAddress } from './addresses';
import { tokenVariable } from './secret';

/** HOST:PORT of the coordinator; set in workers alone. */
export const workerVariable = 'HEADSHARE_WORKER';
/** 0 is home; other machines count from 1. */
export const indexVariable = 'HEADSHARE_WORKER_INDEX';

/** A folder that the launcher removes when the worker has ended. */
export const scratchVariable = 'HEADSHARE_WORKER_SCRATCH';

/** The exit code of a worker that asks for a fresh process in its place (EX_TEMPFAIL of sysexits.h). */
export const replacementCode = 75;

/** The generations after which a process should ask for its replacement: TensorFlow's threads and memory grow with each. */
export const replaceAfterFormings = 50;

/** This process's place, if a launcher started it. */
export interface WorkerProcess {
  readonly coordinator: Address;
  readonly token: string;
  readonly index: number;
  readonly isHome: boolean;
}

export function workerProcess(environment: NodeJS.ProcessEnv = process.env): WorkerProcess | undefined {
  const address = environment[workerVariable];
  if (!address) return undefined;
  const index = Number(environment[indexVariable]);
  return {
    coordinator: readAddress(address, workerVariable),
    token: environment[tokenVariable] ?? '',
    index,
    isHome: index === 0,
  };
}

/** The folder for a worker's temporary files. */
export const scratchFolder = (environment: NodeJS.ProcessEnv = process.env): string =>
  environment[scratchVariable] || tmpdir();

/** A worker's message to its launcher. */
export type ToLauncher =
  /** It has trained a step, or evaluated its share of some images: it does not die at birth. */
  | { readonly headshare: 'trained' }
  /** It ends by an error that another process would meet again. */
  | { readonly headshare: 'failed'; readonly sentence: string };

let hasTrained = false;

/** Tells the launcher that this process has done a step of its work. Costs nothing after the first call. */
export function tellTrained(): void {
  if (hasTrained) return;
  hasTrained = true;
  tell({ headshare: 'trained' });
}

/** Tells the launcher why this process ends, before it does: with a UserError's sentence no other takes its place. */
export const tellFailed = (sentence: string): void => tell({ headshare: 'failed', sentence });

function tell(message: ToLauncher): void {
  // Without a channel, or with a launcher that is gone, nobody needs it.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

export const isToLauncher = (message: unknown): message is ToLauncher =>
  isRecord(message) &&
  (message.headshare === 'trained' || (message.headshare === 'failed' && typeof message.sentence === 'string'));
