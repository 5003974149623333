import { existsSync } from 'node:fs';
import { looksLikeCifar, openCifar } from '../data/cifar/cifar';
import { type CifarName, cifarImages, cifarKinds, cifarPage } from '../data/cifar/kinds';
import type { ImageDataset } from '../data/dataset';
import { writeCifarExample } from '../data/example/cifar-files';
import { writeClassFolders } from '../data/example/class-folders';
import { abbreviate } from '../data/sources/abbreviate';
import { openClassFolders, type TrainAndTest } from '../data/sources/class-folders';
import type { ImageSource } from '../data/sources/image-source';
import type { ListOptions } from '../data/sources/tree-listing';

/** The images of a split: encoded in files, or decoded. */
export type Split = ImageSource | ImageDataset;

export const isSource = (split: Split): split is ImageSource => 'locate' in split;

/** The content of a data folder. */
export interface OpenedData {
  readonly train?: Split;
  readonly test?: Split;
  /** How the test images were chosen, where the data does not say so itself. */
  readonly testNote?: string | undefined;
  /** By label; default: those of a source, else the labels. */
  readonly classNames?: readonly string[];
  /** A sentence about other data in the layout of a published set: its numbers are not expected. */
  readonly other?: string | undefined;
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
    async open(folder) {
      const { train, test, classNames } = await openCifar(folder, { kind: name });
      const isOther = !looksPublished(classNames, cifarKinds[name].ends);
      const other = `Other images in the layout of ${title}: the classes are ${abbreviate(classNames)}.`;
      return { train, test, classNames, ...(isOther && { other }) };
    },
    example: async (folder) => writeCifarExample(folder, name),
  };
}

/** Whether class names are a published set's, by its first and last, or no names at all. */
const looksPublished = (names: readonly string[], [first, last]: readonly [string, string]): boolean =>
  (names[0] === first && names.at(-1) === last) || names.every((name) => /^(class_)?\d+$/.test(name));

/** Images in files as the content of a data folder. */
export const openedData = ({ notes, ...splits }: TrainAndTest): OpenedData => ({
  ...splits,
  ...(notes && { remarks: notes }),
});

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
  open: async (folder, options) => openedData(await openClassFolders(folder, options)),
  example: (folder) =>
    writeClassFolders(folder, {
      classNames: ['circles', 'squares', 'stars'],
      path: (name, i) => `${i < 3 ? 'train' : 'val'}/${name}/${i}.jpg`,
    }),
};
