import { dirname } from 'node:path';
import { UserError } from '@headshare/core/system/user-error';
import { diskProblem } from '@headshare/core/system/whole-file';

/** A size in decimal units, as package indexes print it. */
export function size(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`;
}

export function noRoom(folder: string, needed: number): UserError {
  return new UserError(
    `The disk is full: TensorFlow needs ${size(needed)} free in ${folder}; make room and run this again.`,
    1,
  );
}

export function notWritable(folder: string): UserError {
  return new UserError(`${folder} cannot be written to: TensorFlow is set up there; make it writable.`, 1);
}

/** A UserError for a full or read-only disk at `folder`; any other error unchanged. */
export function explained(error: unknown, folder: string, needed: number): unknown {
  const problem = diskProblem(error);
  if (problem?.kind === 'full') return noRoom(folder, needed);
  if (problem?.kind !== 'unwritable') return error;
  const path: unknown = Reflect.get(Object(error), 'path');
  return notWritable(typeof path === 'string' ? dirname(path) : folder);
}
