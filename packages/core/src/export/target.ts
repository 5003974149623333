/** The format of `--to`. */
import { statSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import type { Format } from '../delivery/format';
import { foreignFile } from '../delivery/own-folder';
import { formats } from '../delivery/registry';
import { didYouMean } from '../system/did-you-mean';
import { shownName } from '../system/file-name';
import { UserError } from '../system/user-error';

/** The endings of files with a network's weights alone, for PyTorch. */
export const weightEndings = ['.pth', '.pt', '.safetensors'] as const;

const folders = formats.all.filter(({ ending }) => ending === '/');
const endings = [...formats.all.map(({ ending }) => ending).filter((ending) => ending !== '/'), ...weightEndings];

/**
 * The format that a target's ending or `--format` names; undefined for files of weights.
 * @throws UserError for an unknown ending, with the nearest one, and where ending and `--format` disagree
 */
export function formatOf(to: string, wanted: string | undefined): Format | undefined {
  const ending = extname(to).toLowerCase();
  const found = formats.all.find((format) => format.ending === ending);
  const isWeights = weightEndings.some((one) => one === ending);
  const isFolder = to.endsWith('/') || to.endsWith('\\');
  const named = wanted === undefined ? undefined : formats.named(wanted);
  if (named) {
    const fits = named.ending === '/' ? isFolder || (!found && !isWeights) : named === found && !isFolder;
    if (!fits) throw new UserError(`--format=${named.name} does not fit --to=${to}: ${placeOf(named)}`);
    return named;
  }
  const choices = folders.map(({ name }) => `--format=${name}`).join(' or ');
  if (found || isWeights) {
    if (!isFolder) return found;
    throw new UserError(
      `--to: ${to} ends like a folder: write ${to.replace(/[/\\]+$/, '')} for a file, or add ${choices} for a folder`,
    );
  }
  if (ending !== '' && !isFolder)
    throw new UserError(`--to: ${to} has the unknown ending ${ending}; ${didYouMean(ending, endings)}`);
  const byName = folders.filter(({ name }) =>
    basename(to)
      .toLowerCase()
      .startsWith(name.split('-')[0] ?? name),
  );
  const [only] = byName;
  if (byName.length === 1 && only) return only;
  throw new UserError(
    `--to: ${to} names no format: write a file that ends in ${endings.join(', ')}, or add ${choices} for a folder`,
  );
}

const placeOf = ({ ending }: Format): string =>
  ending === '/' ? 'it is written into a folder' : `it is a file that ends in ${ending}`;

/**
 * @param wantsFolder whether the format is a folder
 * @throws UserError for a target that exists, unless `force`; and always for a folder with files that no export wrote, which
 * would be deleted
 */
export function requireFree(to: string, wantsFolder: boolean, force: boolean): void {
  // Without the slash at its end, with which a file is not found.
  const target = resolve(to);
  const found = statSync(target, { throwIfNoEntry: false });
  if (!found) return;
  const isFolder = found.isDirectory();
  if (isFolder !== wantsFolder) throw new UserError(`--to: ${to} is a ${isFolder ? 'folder' : 'file'} already`);
  const foreign = isFolder ? foreignFile(target) : undefined;
  if (foreign !== undefined) {
    throw new UserError(
      `--to: the folder ${to} holds ${shownName(foreign)}, which no export wrote and which would be deleted: name another folder`,
    );
  }
  if (!force) throw new UserError(`--to: ${to} exists; --force replaces it`);
}
