import { statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../system/user-error';
import type { CifarFormat, CifarKind } from './kinds';

export interface CifarFiles {
  readonly folder: string;
  readonly format: CifarFormat;
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** Whether a folder has a file of the data set, though others may be missing. */
export function looksLikeCifar(folder: string, kind: CifarKind): boolean {
  return placesOf(folder, kind).some(({ missing, wanted }) => missing.length < wanted.length);
}

function placesOf(folder: string, kind: CifarKind) {
  return kind.formats.flatMap((format) =>
    ['', format.folder].map((below) => {
      const at = join(folder, below);
      const wanted = [...format.train, format.test];
      return { folder: at, format, missing: wanted.filter((file) => !isFile(join(at, file))), wanted };
    }),
  );
}

/**
 * Where a data set lies: in `folder` or in the subfolder that its archive unpacks to; binary files are taken before
 * pickles. @throws UserError that names the files that are missing.
 */
export function findCifar(folder: string, kind: CifarKind): CifarFiles {
  const places = placesOf(folder, kind);
  const whole = places.find(({ missing }) => missing.length === 0);
  if (whole) return whole;
  const torn = places.find(({ missing, wanted }) => missing.length < wanted.length);
  if (torn) {
    throw new UserError(
      `${torn.folder} lacks ${torn.missing.join(', ')} of ${kind.title}: unpack the archive from ${kind.page} again.`,
      1,
    );
  }
  const formats = kind.formats.map((format) => `${format.folder} (${format.train[0]}, ...)`).join(' or ');
  throw new UserError(`${folder} holds no ${kind.title}: unpack ${formats} from ${kind.page} there.`, 1);
}
