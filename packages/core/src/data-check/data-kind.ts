import { existsSync } from 'node:fs';
import { looksLikeCifar, openCifar } from '../data/cifar/cifar';
import { type CifarName, cifarImages, cifarKinds, cifarPage } from '../data/cifar/kinds';
import type { ImageDataset } from '../data/dataset';
import { writeCifarExample } from '../data/example/cifar-files';
import { writeClassFolders } from '../data/example/class-folders';
import { openClassFolders } from '../data/sources/class-folders';
import type { ImageSource } from '../data/sources/image-source';
import type { ListOptions } from '../data/sources/tree-listing';

/** The images of a split: encoded in files, or decoded. */
export type Split = ImageSource | ImageDataset;

export const isSource = (split: Split): split is ImageSource => 'locate' in split;

/** The content of a data folder. */
export interface OpenedData {
  readonly train?: Split;
  readonly test?: Split;
  /** Other splits, under their own names. */
  readonly others?: readonly Split[];
  /** Sentences about the data. */
  readonly remarks?: readonly string[];
  /** Sentences about faults that do not keep the data from being read. */
  readonly faults?: readonly string[];
}

/** A kind of dataset that the `data` command supports. */
export interface DataKind {
  /** The value of `--kind`. */
  readonly name: string;
  readonly title: string;
  /** The download page; absent for a user's own images. */
  readonly page?: string;
  /** The files in the folder, in lines. */
  readonly layout: readonly string[];
  /** The published number of classes and images. */
  readonly published?: { readonly classes: number; readonly train: number; readonly test: number };
  /** Whether a folder looks like this kind; the first kind that does is used. */
  readonly matches: (folder: string) => boolean;
  /** @throws UserError for missing or damaged files */
  readonly open: (folder: string, options: ListOptions) => Promise<OpenedData>;
  /** Writes a tiny dataset in the same layout. */
  readonly example: (folder: string) => Promise<unknown>;
}

export function cifarKind(name: CifarName): DataKind {
  const { title, classes, formats } = cifarKinds[name];
  return {
    name,
    title,
    page: cifarPage,
    layout: formats.map(({ folder, train, test }) => `${folder}/{${[...train, test].join(',')}}`),
    published: { classes, ...cifarImages },
    matches: (folder) => looksLikeCifar(folder, cifarKinds[name]),
    open: (folder) => openCifar(folder, { kind: name }),
    example: async (folder) => writeCifarExample(folder, name),
  };
}

/** A user's own images by class. */
export const classFolderKind: DataKind = {
  name: 'folder',
  title: 'Images in folders by class',
  layout: [
    'train/<class>/*.jpg',
    'val/<class>/*.jpg',
    '(or <class>/*.jpg alone: a fifth of each class becomes the test set)',
  ],
  matches: existsSync,
  open: async (folder, options) => {
    const { testNote, notes = [], ...splits } = await openClassFolders(folder, options);
    return { ...splits, remarks: [...notes, ...(testNote ? [`The test images are ${testNote}.`] : [])] };
  },
  example: (folder) =>
    writeClassFolders(folder, {
      classNames: ['circles', 'squares', 'stars'],
      path: (name, i) => `${i < 3 ? 'train' : 'val'}/${name}/${i}.jpg`,
    }),
};
