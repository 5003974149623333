import { existsSync } from 'node:fs';
import { openCifar } from '../data/cifar/cifar';
import { looksLikeCifar } from '../data/cifar/find-files';
import { type CifarName, cifarKinds } from '../data/cifar/kinds';
import type { ImageDataset } from '../data/dataset';
import { writeCifarExample } from '../data/example/cifar-files';
import { writeClassFolders } from '../data/example/class-folders';
import { openClassFolders } from '../data/sources/class-folders';
import type { ImageSource } from '../data/sources/image-source';
import type { ListOptions } from '../data/sources/tree-listing';

/** Images of a split: files to be decoded, or pixels at hand. */
export type Split = ImageSource | ImageDataset;

export const isSource = (split: Split): split is ImageSource => 'locate' in split;

/** What a folder was found to hold. */
export interface OpenedData {
  readonly train?: Split;
  readonly test?: Split;
  /** Splits that are neither, under their own names. */
  readonly others?: readonly Split[];
  /** Sentences for whoever looks at it. */
  readonly remarks?: readonly string[];
  /** Sentences on what is wrong, though it can be read. */
  readonly faults?: readonly string[];
}

/** A data set that the `data` command knows. */
export interface DataKind {
  /** For `--kind`. */
  readonly name: string;
  readonly title: string;
  /** Where it is to be had; none for one's own images. */
  readonly page?: string;
  /** What must lie in the folder, a line each. */
  readonly layout: readonly string[];
  /** How many there should be. */
  readonly published?: { readonly classes: number; readonly train: number; readonly test: number };
  /** Whether a folder looks like it; the first kind that does is taken. */
  readonly matches: (folder: string) => boolean;
  /** @throws UserError for what is missing or damaged */
  readonly open: (folder: string, options: ListOptions) => Promise<OpenedData>;
  /** Writes a tiny one in the same layout. */
  readonly example: (folder: string) => Promise<unknown>;
}

export function cifarKind(name: CifarName): DataKind {
  const { title, page, classes, trainImages, testImages, formats } = cifarKinds[name];
  return {
    name,
    title,
    page,
    layout: formats.map(({ folder, train, test }) => `${folder}/{${[...train, test].join(',')}}`),
    published: { classes, train: trainImages, test: testImages },
    matches: (folder) => looksLikeCifar(folder, cifarKinds[name]),
    open: (folder) => openCifar(folder, { kind: name }),
    example: async (folder) => writeCifarExample(folder, { kind: name, format: 'binary' }),
  };
}

/** One's own images by class. */
export const classFolderKind: DataKind = {
  name: 'folder',
  title: 'Images in folders by class',
  layout: ['train/<class>/*.jpg', 'val/<class>/*.jpg', '(or <class>/*.jpg alone, of which a part is held out)'],
  matches: existsSync,
  open: openClassFolders,
  example: (folder) =>
    writeClassFolders(folder, {
      classNames: ['circles', 'squares', 'stars'],
      path: (name, i) => `${i < 3 ? 'train' : 'val'}/${name}/${i}.jpg`,
    }),
};
