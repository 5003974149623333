import { join } from 'node:path';
import { isFile, isFolder, unpackCommand } from '../../system/archive';
import { UserError } from '../../system/user-error';
import { errorCode } from '../../system/whole-file';
import { endingOf, entriesOf, imageEndings } from './tree-listing';

/** What a folder itself holds, besides hidden files and those of operating systems. */
export interface FolderContents {
  /** In code-unit order; links to folders count. */
  readonly folders: readonly string[];
  /** The number of images. */
  readonly images: number;
  readonly archives: readonly string[];
}

const archiveEndings = ['.gz', '.tgz', '.tar', '.zip', '.7z', '.rar', '.bz2', '.xz', '.zst'];

/** @throws UserError for a folder that cannot be read */
export function folderContents(folder: string): FolderContents {
  try {
    const folders: string[] = [];
    const archives: string[] = [];
    let images = 0;
    for (const { name, type } of entriesOf(folder)) {
      if (type === 'folder' || (type === 'other' && isFolder(join(folder, name)))) folders.push(name);
      else if (imageEndings.includes(endingOf(name))) images += type === 'file' || isFile(join(folder, name)) ? 1 : 0;
      else if (archiveEndings.includes(endingOf(name)) && unpackCommand(join(folder, name))) archives.push(name);
    }
    return { folders, images, archives };
  } catch (error) {
    throw new UserError(`${folder} cannot be read (${errorCode(error) ?? (error as Error).message}).`, 1);
  }
}
