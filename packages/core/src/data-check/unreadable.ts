import sharp from 'sharp';
import { type ImageSource, readImage } from '../data/sources/image-source';

export interface Unreadable {
  readonly file: string;
  /** The first line of the decoder's error. */
  readonly why: string;
}

interface ProbeOptions {
  /** How many images to probe, evenly spread; default: all. */
  readonly sample?: number;
  /** Decodes all pixels instead of the header alone, and so finds files that are cut off; default false. */
  readonly whole?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

// A few more than there are threads to decode.
const parallel = 16;

/** The images of a source that cannot be decoded, in its order. */
export async function unreadableImages(source: ImageSource, options: ProbeOptions = {}): Promise<Unreadable[]> {
  const { sample = Number.POSITIVE_INFINITY, whole = false, onProgress } = options;
  const indices = spread(source.labels.length, sample);
  const found: (Unreadable | undefined)[] = [];
  for (let from = 0; from < indices.length; from += parallel) {
    const part = indices.slice(from, from + parallel);
    found.push(...(await Promise.all(part.map((index) => probe(source, index, whole)))));
    onProgress?.(found.length, indices.length);
  }
  return found.filter((it) => it !== undefined);
}

/** `count` whole numbers in [0, total), evenly spread; all of them if there are no more. */
export function spread(total: number, count: number): number[] {
  const taken = Math.min(total, count);
  return Array.from({ length: taken }, (_, i) => Math.floor((i * total) / taken));
}

async function probe(source: ImageSource, index: number, whole: boolean): Promise<Unreadable | undefined> {
  const location = source.locate(index);
  try {
    // Given a file, the decoder reads no more than it needs.
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
