import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isFolder, notAFolder } from '@headshare/core/system/archive';
import { UserError } from '@headshare/core/system/user-error';
import { openBinSet } from './bin-set';
import { openLfwFolder } from './lfw-folder';
import type { VerificationSet } from './verification-set';

/** Whether a folder has files for `openVerificationSets`. */
export const hasVerificationSets = (folder: string): boolean =>
  isFolder(folder) && readdirSync(folder).some((name) => isBin(name) || name === 'pairs.txt');

const isBin = (name: string) => name.endsWith('.bin') && !name.startsWith('.');

/**
 * Opens the verification sets of a folder in the order of their names: every `*.bin`, and LFW's images with `pairs.txt`.
 * @throws UserError if there is none, or one is damaged
 */
export async function openVerificationSets(folder: string): Promise<readonly VerificationSet[]> {
  if (!isFolder(folder)) throw notAFolder(folder);
  if (!hasVerificationSets(folder)) {
    throw new UserError(
      `${folder} has no verification sets: *.bin files like insightface's, or pairs.txt with LFW's images.`,
      1,
    );
  }
  const names = readdirSync(folder).sort();
  const sets: VerificationSet[] = [];
  for (const name of names.filter(isBin)) sets.push(openBinSet(join(folder, name)));
  if (names.includes('pairs.txt')) sets.push(await openLfwFolder(join(folder, 'pairs.txt')));
  const twice = sets.find(({ name }, i) => sets.findIndex((other) => other.name === name) < i);
  if (twice) throw new UserError(`${folder} has both ${twice.name}.bin and pairs.txt: keep one of them.`, 1);
  return sets;
}
