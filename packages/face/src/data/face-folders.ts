import { join } from 'node:path';
import { isFolder } from '@headshare/core/data/sources/class-folders';
import { listClasses } from '@headshare/core/data/sources/class-listing';
import { type ImageSource, listedSource } from '@headshare/core/data/sources/image-source';
import type { ListOptions } from '@headshare/core/data/sources/tree-listing';
import { type IdentitySelection, imagesOf, selectIdentities } from './training-records/identities';

/**
 * Faces in a folder for each identity: `train/<identity>/*`, or `<identity>/*` alone. All are for training: faces are
 * verified on sets of their own.
 * @throws UserError for folders that are missing or without images
 */
export async function openFaceFolders(
  folder: string,
  options: ListOptions & IdentitySelection = {},
): Promise<ImageSource> {
  const part = isFolder(join(folder, 'train')) ? 'train' : '';
  const { root, classNames, starts, sizes, path } = await listClasses(folder, part, options);
  const all = new Int32Array(sizes.length);
  for (let label = 0; label < classNames.length; label++) all.fill(label, starts[label], starts[label + 1]);
  const kept = selectIdentities(all, classNames.length, options);
  const name = 'faces-train';
  if (!kept) return listedSource({ name, root, classNames, labels: all, sizes, path });
  const { indices, labels } = imagesOf(all, kept, classNames.length);
  return listedSource({
    name,
    root,
    classNames: Array.from(kept, (label) => classNames[label] as string),
    labels,
    sizes: Float64Array.from(indices, (i) => sizes[i] as number),
    path: (i) => path(indices[i] as number),
  });
}
