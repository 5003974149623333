import { statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../system/user-error';
import type { CifarFormat, CifarKind } from './kinds';

export interface CifarFiles {
  readonly folder: string;
  readonly format: CifarFormat;
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** Whether a folder has at least one file of the dataset. */
export function looksLikeCifar(folder: string, kind: CifarKind): boolean {
  return candidates(folder, kind).some(({ missing, wanted }) => missing.length < wanted.length);
}

function candidates(folder: string, kind: CifarKind) {
  return kind.formats.flatMap((format) =>
    ['', format.folder].map((below) => {
      const at = join(folder, below);
      const wanted = [...format.train, format.test];
      return { folder: at, format, missing: wanted.filter((file) => !isFile(join(at, file))), wanted };
    }),
  );
}

/**
 * Finds a dataset in `folder` or in its archive's subfolder; binary files have precedence over pickles.
 * @throws UserError that names the missing files
 */
export function findCifar(folder: string, kind: CifarKind): CifarFiles {
  const found = candidates(folder, kind);
  const whole = found.find(({ missing }) => missing.length === 0);
  if (whole) return whole;
  const partial = found.find(({ missing, wanted }) => missing.length < wanted.length);
  if (partial) {
    throw new UserError(
      `${partial.folder} lacks ${partial.missing.join(', ')} of ${kind.title}: unpack the archive from ${kind.page} again.`,
      1,
    );
  }
  const formats = kind.formats.map((format) => `${format.folder} (${format.train[0]}, ...)`).join(' or ');
  throw new UserError(`${folder} holds no ${kind.title}: unpack ${formats} from ${kind.page} there.`, 1);
}
