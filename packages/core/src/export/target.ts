/** The format of `--to`. */
import { existsSync, statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import type { Format } from '../delivery/format';
import { formats } from '../delivery/registry';
import { didYouMean } from '../system/did-you-mean';
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
  const named = wanted === undefined ? undefined : formats.named(wanted);
  if (named) {
    const fits = named.ending === '/' ? !found && !isWeights : named === found;
    if (!fits) throw new UserError(`--format=${named.name} does not fit --to=${to}: ${placeOf(named)}`);
    return named;
  }
  if (found || isWeights) return found;
  const isFolder = ending === '' || to.endsWith('/') || to.endsWith('\\');
  if (!isFolder) throw new UserError(`--to: ${to} has the unknown ending ${ending}; ${didYouMean(ending, endings)}`);
  const byName = folders.filter(({ name }) =>
    basename(to)
      .toLowerCase()
      .startsWith(name.split('-')[0] ?? name),
  );
  const [only] = byName;
  if (byName.length === 1 && only) return only;
  const choices = folders.map(({ name }) => `--format=${name}`).join(' or ');
  throw new UserError(
    `--to: ${to} names no format: write a file that ends in ${endings.join(', ')}, or add ${choices} for a folder`,
  );
}

const placeOf = ({ ending }: Format): string =>
  ending === '/' ? 'it is written into a folder' : `it is a file that ends in ${ending}`;

/** @throws UserError for a target that exists, unless `force` */
export function requireFree(to: string, force: boolean): void {
  if (!existsSync(to)) return;
  if (!force) throw new UserError(`--to: ${to} exists; --force replaces it`);
  const isFolder = statSync(to).isDirectory();
  const wantsFolder = extname(to) === '' || to.endsWith('/');
  if (isFolder !== wantsFolder) throw new UserError(`--to: ${to} is a ${isFolder ? 'folder' : 'file'} already`);
}
