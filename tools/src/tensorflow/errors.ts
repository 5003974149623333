import { dirname } from 'node:path';
import { UserError } from '@headshare/core/system/user-error';

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
  // Not `instanceof Error`: under jest, errors of Node's own functions come from another realm.
  const { code, path } = (error ?? {}) as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return noRoom(folder, needed);
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return notWritable(path === undefined ? folder : dirname(path));
    default:
      return error;
  }
}
