import { join } from 'node:path';
import { isFolder, listClasses } from '@headshare/core/data/sources/class-folders';
import { type ImageSource, listedSource } from '@headshare/core/data/sources/image-source';
import type { ListOptions } from '@headshare/core/data/sources/tree-listing';
import { type IdentitySelection, selectIdentities } from './training-records/select-identities';

/**
 * Faces in a folder for each identity: `train/<identity>/*`, or `<identity>/*` alone. All are training images; faces are
 * verified on separate sets.
 * @throws UserError for folders that are missing or without images
 */
export async function openFaceFolders(
  folder: string,
  options: ListOptions & IdentitySelection = {},
): Promise<ImageSource> {
  const part = isFolder(join(folder, 'train')) ? 'train' : '';
  const { root, classNames, labels: all, sizes, path } = await listClasses(folder, part, options);
  const name = 'faces-train';
  const selected = selectIdentities(all, classNames.length, options);
  if (!selected) return listedSource({ name, root, classNames, labels: all, sizes, path });
  const { identities, indices, labels } = selected;
  return listedSource({
    name,
    root,
    classNames: Array.from(identities, (label) => classNames[label] as string),
    labels,
    sizes: Float64Array.from(indices, (i) => sizes[i] as number),
    path: (i) => path(indices[i] as number),
  });
}
