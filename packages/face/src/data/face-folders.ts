import { listClasses } from '@headshare/core/data/sources/class-folders';
import { type ImageSource, listedSource } from '@headshare/core/data/sources/image-source';
import { findSplits } from '@headshare/core/data/sources/split-layout';
import type { ListOptions } from '@headshare/core/data/sources/tree-listing';
import { isFolder, notAFolder } from '@headshare/core/system/archive';
import { type IdentitySelection, selectIdentities, selectionNote } from './training-records/select-identities';

export interface FaceFolders {
  readonly source: ImageSource;
  /** Sentences about what was found, taken and left out. */
  readonly notes: readonly string[];
}

/**
 * Faces in a folder for each identity: `train/<identity>/*` (or a similar name, see `findSplits`), or `<identity>/*` alone.
 * All are training images; faces are verified on separate sets.
 * @throws UserError for folders that are missing or without images
 */
export async function openFaceFolders(
  folder: string,
  options: ListOptions & IdentitySelection = {},
): Promise<FaceFolders> {
  if (!isFolder(folder)) throw notAFolder(folder);
  const { root: place, train: part, test, notes } = findSplits(folder);
  const listing = await listClasses(place, part, options);
  const { root, classNames, labels: all, stamps, path } = listing;
  const name = 'faces-train';
  const selected = selectIdentities(all, classNames.length, options);
  const remarks = [
    ...notes.filter((note) => !note.includes(' test images')),
    ...(test === undefined ? [] : [`Only the faces of ${part} are trained on; ${test} is not read.`]),
    ...listing.notes,
    ...selectionNote(selected, classNames.length),
  ];
  if (!selected) return { source: listedSource({ name, root, classNames, labels: all, stamps, path }), notes: remarks };
  const { identities, indices, labels } = selected;
  const source = listedSource({
    name,
    root,
    classNames: Array.from(identities, (label) => classNames[label] as string),
    labels,
    stamps: Array.from(indices, (i) => stamps[i] as string),
    path: (i) => path(indices[i] as number),
  });
  return { source, notes: remarks };
}
