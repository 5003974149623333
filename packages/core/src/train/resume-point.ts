/**
 * The checkpoint that a training resumes from, and its predecessor, in case the newest is damaged (by a disk fault, or a
 * power cut that the file system did not survive).
 */
import { existsSync, linkSync, renameSync } from 'node:fs';
import type { GivenValues } from '../runtime/stored-values';
import { UserError } from '../system/user-error';
import { requireSound } from '../weights/sound-values';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint';
import type { Metrics } from './evaluation/metrics';

/** The progress of a training; with the tensors, all that resuming needs. */
export interface Position {
  readonly epoch: number;
  /** Finished batches of the epoch. */
  readonly batch: number;
  readonly step: number;
  /** Sums of the terms over those batches. */
  readonly sums: Metrics;
  /** The mean loss of the last whole epoch. */
  readonly trainLoss?: number | undefined;
  readonly best?: { readonly metrics: Metrics; readonly epoch: number };
}

/** `training.safetensors` -> `training.previous.safetensors`. */
export const previousOf = (file: string): string => file.replace(/(\.safetensors)?$/, '.previous$1');

export const hasResumePoint = (file: string): boolean => existsSync(file) || existsSync(previousOf(file));

/** @throws UserError when the disk is full; earlier checkpoints are then untouched */
export function saveResumePoint(file: string, position: Position, tensors: ReadonlyMap<string, GivenValues>): void {
  if (existsSync(file)) keepAsPrevious(file);
  writeCheckpoint(file, { tensors, metadata: position });
}

/**
 * Reads the newest intact checkpoint; undefined if there is none.
 * @param log receives the reason why the newest was not used
 * @param isTable see `readCheckpoint`
 * @throws UserError when neither can be read
 */
export function readResumePoint(
  file: string,
  log: (line: string) => void,
  isTable?: (name: string) => boolean,
): Checkpoint<Position> | undefined {
  if (!hasResumePoint(file)) return undefined;
  const previous = previousOf(file);
  try {
    return readPosition(file, isTable);
  } catch (error) {
    if (!existsSync(previous)) throw error;
    log(`${(error as Error).message} Resuming from the one before it.`);
    return readPosition(previous, isTable);
  }
}

function readPosition(file: string, isTable?: (name: string) => boolean): Checkpoint<Position> {
  const { tensors, tables, metadata } = readCheckpoint<Partial<Position>>(file, isTable);
  const { epoch, batch, step, sums } = metadata;
  if (![epoch, batch, step].every(Number.isSafeInteger) || typeof sums !== 'object') {
    throw new UserError(`${file} does not record the training's progress; remove it to train from the beginning.`, 1);
  }
  for (const [name, values] of [...tensors, ...tables]) requireSound(file, name, values);
  return { tensors, tables, metadata: metadata as Position };
}

/** Links instead of renaming, so that `file` exists at every moment. */
function keepAsPrevious(file: string): void {
  const previous = previousOf(file);
  const temporary = `${previous}.partial`;
  try {
    linkSync(file, temporary);
    renameSync(temporary, previous);
  } catch {
    // A file system without links, or a temporary file left by a crash: for a moment there is only the previous one.
    renameSync(file, previous);
  }
}
