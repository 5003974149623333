import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ImageLocation, ImageSource } from './image-source';

export interface SourceList {
  readonly name: string;
  readonly classNames: readonly string[];
  /** Absolute. */
  readonly root: string;
  readonly labels: Int32Array;
  /** Bytes of each image. */
  readonly sizes: ArrayLike<number>;
  /** Where image i lies below the root, with '/' between. */
  readonly path: (i: number) => string;
  readonly box?: (i: number) => NonNullable<ImageLocation['box']>;
}

/** Images that are files of their own. Data that has moved to another folder keeps its fingerprint. */
export function listedSource({ name, classNames, root, labels, sizes, path, box }: SourceList): ImageSource {
  return {
    name,
    classes: classNames.length,
    classNames,
    labels,
    fingerprint: fingerprintOf({ classNames, labels, sizes, path, box }),
    locate: (index) => {
      checkIndex({ name, labels }, index);
      return { file: join(root, path(index)), ...(box && { box: box(index) }) };
    },
  };
}

function fingerprintOf({ classNames, labels, sizes, path, box }: Omit<SourceList, 'name' | 'root'>): string {
  const hash = createHash('sha256').update(`${JSON.stringify(classNames)}\n`);
  // A hash's update costs more than what a line of text does.
  let lines: string[] = [];
  for (let i = 0; i < labels.length; i++) {
    lines.push(`${path(i)}\t${sizes[i]}\t${labels[i]}${box ? `\t${box(i).join(' ')}` : ''}`);
    if (lines.length === 4096 || i === labels.length - 1) {
      hash.update(`${lines.join('\n')}\n`);
      lines = [];
    }
  }
  return hash.digest('hex').slice(0, 24);
}

/** Throws the RangeError that `locate` promises. */
export function checkIndex({ name, labels }: Pick<ImageSource, 'name' | 'labels'>, index: number): void {
  if (!(Number.isInteger(index) && index >= 0 && index < labels.length)) {
    throw new RangeError(`${name} has no image ${index}: indices run from 0 to ${labels.length - 1}`);
  }
}
