import { defaultDataFolder } from '@headshare/core/experiment/data-folder';
import { UserError } from '@headshare/core/system/user-error';
import type { DataValues } from '../options';
import { alignedCrops } from './crops/aligned-crops';
import { readIjbMeta } from './meta/meta-files';
import { type IjbPaths, ijbPaths, ijbSetsIn, type SetName, setTitles } from './meta/sets';

/**
 * IJB-B and IJB-C if networks are to be measured on them: in --ijb or else, for real faces, in --data.
 * @throws UserError if --ijb has neither
 */
export function wantedSets({
  ijb,
  dataset,
  data = defaultDataFolder('face'),
}: DataValues): ReadonlyMap<SetName, IjbPaths> {
  const folder = ijb ?? data;
  const sets = ijb === undefined && dataset === 'procedural' ? [] : ijbSetsIn(folder);
  if (ijb !== undefined && sets.length === 0) {
    throw new UserError(`--ijb: ${ijb} has neither IJBC/ nor IJBB/ with meta/ and loose_crop/`);
  }
  return new Map(sets.map((set) => [set, ijbPaths(folder, set)]));
}

/**
 * Reads the meta files and looks for all images before training starts, instead of failing days later.
 * @throws UserError for data that is missing or malformed
 */
export async function requireWantedSets(options: DataValues): Promise<void> {
  for (const [set, paths] of wantedSets(options)) {
    const { images } = await readIjbMeta(paths);
    await (await alignedCrops({ ...images, name: setTitles[set], folder: paths.crops })).close();
  }
}
