/**
 * Where training stands, kept while it goes on: its newest checkpoint and the one before it, for the case that the
 * newest is damaged (a disk's fault, a power cut that the file system did not survive).
 */
import { existsSync, linkSync, renameSync } from 'node:fs';
import type { NamedValues } from '../runtime/state';
import { UserError } from '../system/user-error';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint';
import type { Metrics } from './evaluation/metrics';

/** Everything besides the tensors that going on needs. */
export interface Position {
  readonly epoch: number;
  /** Batches of the epoch that are done. */
  readonly batch: number;
  readonly step: number;
  /** Of the terms over those batches. */
  readonly sums: Metrics;
  readonly best?: { readonly metrics: Metrics; readonly epoch: number };
}

/** `training.safetensors` -> `training.previous.safetensors`. */
export const previousOf = (file: string): string => file.replace(/(\.safetensors)?$/, '.previous$1');

export const hasResumePoint = (file: string): boolean => existsSync(file) || existsSync(previousOf(file));

/** @throws UserError when there is no room: what was written before is untouched. */
export function saveResumePoint(file: string, position: Position, tensors: ReadonlyMap<string, NamedValues>): void {
  if (existsSync(file)) keepAsPrevious(file);
  writeCheckpoint(file, { tensors, metadata: position });
}

/**
 * The newest checkpoint that is whole; undefined where there is none.
 * @param log hears why the newest was not taken
 * @throws UserError when neither can be read
 */
export function readResumePoint(file: string, log: (line: string) => void): Checkpoint<Position> | undefined {
  if (!hasResumePoint(file)) return undefined;
  const previous = previousOf(file);
  try {
    return readPosition(file);
  } catch (error) {
    if (!existsSync(previous)) throw error;
    log(`${(error as Error).message} Going on from the one before it.`);
    return readPosition(previous);
  }
}

function readPosition(file: string): Checkpoint<Position> {
  const { tensors, metadata } = readCheckpoint<Partial<Position>>(file);
  const { epoch, batch, step, sums } = metadata;
  if (![epoch, batch, step].every(Number.isSafeInteger) || typeof sums !== 'object') {
    throw new UserError(`${file} does not say how far training was; remove it to train from the beginning.`, 1);
  }
  return { tensors, metadata: metadata as Position };
}

/** By a second name rather than by renaming, so that at no moment there is none under the first. */
function keepAsPrevious(file: string): void {
  const previous = previousOf(file);
  const temporary = `${previous}.partial`;
  try {
    linkSync(file, temporary);
    renameSync(temporary, previous);
  } catch {
    // A file system without links, or a temporary name that a crash left: the newest is the previous for a moment.
    renameSync(file, previous);
  }
}
