import { existsSync } from 'node:fs';
import { writeClassFolders } from '../data/example/class-folder-files';
import { openClassFolders } from '../data/sources/class-folders';
import type { DataKind } from './data-kind';

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
