import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathOf, shownName } from '../../system/file-name';
import { readInto } from '../../system/read-into';
import { UserError } from '../../system/user-error';
import { errorCode } from '../../system/whole-file';
import { checkIndex } from '../dataset';
import { DamagedRecord } from '../record-io/frame';
import { readRecordImage } from '../record-io/record-image';

/** Labelled images as files hold them, of any size and format, addressed by index. */
export interface ImageSource {
  readonly name: string;
  readonly classes: number;
  /** By label. */
  readonly classNames: readonly string[];
  /** One label per image, in [0, classes). */
  readonly labels: Int32Array;
  /** Changes whenever the list of images, their files or their labels change. */
  readonly fingerprint: string;
  /** Where the encoded image lies. Throws RangeError for an index outside [0, labels.length). */
  locate(index: number): ImageLocation;
}

export type Box = readonly [left: number, top: number, width: number, height: number];

/** Plain data, for worker threads. */
export interface ImageLocation {
  /** Absolute path; for `node:fs`, `pathOf` of it: it may have names that are not UTF-8. */
  readonly file: string;
  /** The part of the file that holds the image, in bytes; absent: the whole file. Set both or neither. */
  readonly offset?: number;
  readonly length?: number;
  /** The part begins with a record of MXNet's RecordIO that holds the image, and may be longer than the record. */
  readonly inRecord?: boolean;
  /** The encoded image itself, where the file does not hold it in one piece. */
  readonly bytes?: Uint8Array;
  /**
   * The crop that replaces the image, in whole pixels as stored (EXIF orientation is not applied). What reaches beyond
   * the image is clipped; a box without area within it is an error.
   */
  readonly box?: Box;
}

/** An image's file, and where in it, for messages. */
export const placeOf = ({ file, offset }: ImageLocation): string =>
  offset === undefined ? shownName(file) : `${shownName(file)} at byte ${offset}`;

export interface SourceList {
  readonly name: string;
  readonly classNames: readonly string[];
  /** Absolute path of the folder that holds the images. */
  readonly root: string;
  readonly labels: Int32Array;
  /** A text for each image that changes with its content; see `TreeListing`. */
  readonly stamps: ArrayLike<string>;
  /** Path of image i below the root, with '/' as separator. */
  readonly path: (i: number) => string;
  readonly box?: (i: number) => Box;
}

/** A source of images that are separate files. Its fingerprint does not depend on name and root. */
export function listedSource(list: SourceList): ImageSource {
  const { name, classNames, root, labels, path, box } = list;
  return {
    name,
    classes: classNames.length,
    classNames: classNames.map(shownName),
    labels,
    fingerprint: fingerprintOf(list),
    locate: (index) => {
      checkIndex({ name, labels }, index);
      return { file: join(root, path(index)), ...(box && { box: box(index) }) };
    },
  };
}

function fingerprintOf({ classNames, labels, stamps, path, box }: SourceList): string {
  const hash = createHash('sha256').update(`${JSON.stringify(classNames)}\n`);
  // Updating a hash costs more than hashing a line of text.
  let lines: string[] = [];
  for (let i = 0; i < labels.length; i++) {
    lines.push(`${shownName(path(i))}\t${stamps[i]}\t${labels[i]}${box ? `\t${box(i).join(' ')}` : ''}`);
    if (lines.length === 4096 || i === labels.length - 1) {
      hash.update(`${lines.join('\n')}\n`);
      lines = [];
    }
  }
  return hash.digest('hex').slice(0, 24);
}

/** The encoded image at a location. @throws UserError if it cannot be read or is cut short */
export async function readImage({ file, offset, length, inRecord, bytes }: ImageLocation): Promise<Buffer> {
  try {
    if (bytes) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (offset === undefined || length === undefined) return await readFile(pathOf(file));
    if (inRecord) return await readRecordImage({ file, offset, length });
    const handle = await open(pathOf(file), 'r');
    try {
      const image = Buffer.alloc(length);
      const read = await readInto(handle, image, offset);
      if (read < length) throw new UserError(`${file} ends at byte ${offset + read}: pack it again.`, 1);
      return image;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof DamagedRecord) throw new UserError(`${error.message}.`, 1);
    throw new UserError(`${file} cannot be read (${errorCode(error) ?? (error as Error).message}).`, 1);
  }
}
