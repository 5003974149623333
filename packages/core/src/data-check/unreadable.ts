import sharp from 'sharp';
import { type ImageSource, readImage } from '../data/sources/image-source';

export interface Unreadable {
  readonly file: string;
  /** The first line of what the decoder says. */
  readonly why: string;
}

export interface ProbeOptions {
  /** How many images, spread over all; default all. */
  readonly sample?: number;
  /** Decodes all pixels instead of the headers alone, and so finds files that are cut off; default false. */
  readonly whole?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

// A few more than there are threads to decode with.
const together = 16;

/** The images of a source that cannot be decoded, in its order. */
export async function unreadableImages(source: ImageSource, options: ProbeOptions = {}): Promise<Unreadable[]> {
  const { sample = Number.POSITIVE_INFINITY, whole = false, onProgress } = options;
  const indices = spread(source.labels.length, sample);
  const found: (Unreadable | undefined)[] = [];
  for (let from = 0; from < indices.length; from += together) {
    const part = indices.slice(from, from + together);
    found.push(...(await Promise.all(part.map((index) => probe(source, index, whole)))));
    onProgress?.(found.length, indices.length);
  }
  return found.filter((it) => it !== undefined);
}

/** `count` whole numbers in [0, total), evenly apart; all where there are no more. */
export function spread(total: number, count: number): number[] {
  const taken = Math.min(total, count);
  return Array.from({ length: taken }, (_, i) => Math.floor((i * total) / taken));
}

async function probe(source: ImageSource, index: number, whole: boolean): Promise<Unreadable | undefined> {
  const location = source.locate(index);
  try {
    // The file's name lets the decoder read no more than it needs.
    const image = sharp(location.offset === undefined ? location.file : await readImage(location), {
      failOn: 'truncated',
    });
    if (whole) await image.stats();
    else await image.metadata();
    return undefined;
  } catch (error) {
    const [why = 'unknown'] = (error as Error).message.split('\n');
    const { file, offset } = location;
    return { file: offset === undefined ? file : `${file} at byte ${offset}`, why };
  }
}
