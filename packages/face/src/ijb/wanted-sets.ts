import { defaultDataFolder } from '@headshare/core/experiment/data-folder';
import { UserError } from '@headshare/core/system/user-error';
import type { DataValues } from '../options';
import { alignedCrops } from './crops/aligned-crops';
import { readIjbMeta } from './meta/meta-files';
import { type IjbPlaces, ijbPlaces, ijbSetsIn, type SetName, setTitles } from './meta/sets';

/**
 * Where IJB-B and IJB-C lie that networks of these options are measured on: in --ijb, else, for real faces, in --data
 * where it has them.
 * @throws UserError when --ijb has neither
 */
export function wantedSets({
  ijb,
  dataset,
  data = defaultDataFolder('face'),
}: DataValues): ReadonlyMap<SetName, IjbPlaces> {
  const folder = ijb ?? data;
  const sets = ijb === undefined && dataset === 'procedural' ? [] : ijbSetsIn(folder);
  if (ijb !== undefined && sets.length === 0) {
    throw new UserError(`--ijb: ${ijb} has neither IJBC/ nor IJBB/ with meta/ and loose_crop/ in it`);
  }
  return new Map(sets.map((set) => [set, ijbPlaces(folder, set)]));
}

/**
 * Reads the lists, and looks for the pictures: a file must not be missed only after days of training.
 * @throws UserError for what is missing or malformed
 */
export async function requireWantedSets(options: DataValues): Promise<void> {
  for (const [set, places] of wantedSets(options)) {
    const { images } = await readIjbMeta(places);
    await (await alignedCrops({ ...images, name: setTitles[set], folder: places.crops })).close();
  }
}
