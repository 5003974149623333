import { type FileHandle, open } from 'node:fs/promises';
import { extname } from 'node:path';
import { UserError } from '@headshare/core/system/user-error';
import { type ElementType, elementTypes } from '@headshare/core/weights/element-types';
import { type Refuse, refusal } from '@headshare/core/weights/refusal';
import { bytesOf } from '@headshare/core/weights/safetensors';
import type { EmbeddingRows } from '../protocol/protocol';
import { readFully } from './embedding-shards';
import { type Matrix, npyMatrix, safetensorsMatrices } from './matrix-headers';

/** A file's matrix that is read row by row. */
export interface GivenEmbeddings extends EmbeddingRows {
  readonly file: string;
}

export interface GivenPair {
  readonly embeddings: EmbeddingRows;
  readonly flipped?: EmbeddingRows;
}

export interface GivenOptions {
  /** One row an image, in the order of the meta files' lines. */
  readonly embeddings: string;
  /** The same of the mirror images. */
  readonly flipped?: string;
  /** Each row is an image's embedding and, behind it, that of its mirror image. */
  readonly concatenated?: boolean;
  /** How many rows there must be. */
  readonly images: number;
}

/**
 * Embeddings that some other program made: raw little-endian float32 (.f32), NumPy's .npy, or .safetensors with tensors
 * `embeddings` and, if there are mirror images, `flipped`. Nothing but headers is read here.
 * @throws UserError when files are damaged, or do not hold a row for each image; `read`, for a row that is not finite
 */
export async function givenEmbeddings(options: GivenOptions): Promise<GivenPair> {
  const { embeddings: file, flipped: flippedFile, concatenated = false, images } = options;
  const { embeddings, flipped: inside } = await openMatrices(file, images);
  if (concatenated) {
    if (flippedFile !== undefined || inside) {
      throw new UserError('rows that hold mirror images already go with no second file of them');
    }
    const { dimension } = embeddings;
    if (dimension % 2 !== 0)
      throw new UserError(`${file} has rows of ${dimension} numbers, which are not two halves.`, 1);
    return { embeddings: half(embeddings, 0), flipped: half(embeddings, 1) };
  }
  const flipped = flippedFile === undefined ? inside : (await openMatrices(flippedFile, images)).embeddings;
  if (flipped && flipped.dimension !== embeddings.dimension) {
    throw new UserError(
      `${file} has rows of ${embeddings.dimension} numbers and ${flipped.file} of ${flipped.dimension}: they must be of one network.`,
      1,
    );
  }
  return { embeddings, ...(flipped && { flipped }) };
}

async function openMatrices(
  file: string,
  images: number,
): Promise<{ embeddings: GivenEmbeddings; flipped?: GivenEmbeddings }> {
  const refuse = refusal(file, 'embeddings');
  const handle = await open(file, 'r').catch((error: Error) => {
    throw refuse(error.message);
  });
  try {
    const { size } = await handle.stat();
    const kind = extname(file).toLowerCase();
    const header = { handle, file, size, refuse };
    const given = (matrix: Matrix) => rowsOf(file, matrix, images, refuse);
    if (kind === '.npy') return { embeddings: given(await npyMatrix(header)) };
    if (kind === '.safetensors') {
      const { embeddings, flipped } = await safetensorsMatrices(header);
      return { embeddings: given(embeddings), ...(flipped && { flipped: given(flipped) }) };
    }
    if (kind !== '.f32') throw refuse('its name ends neither in .f32, .npy nor .safetensors');
    const dimension = size / (4 * images);
    if (!Number.isInteger(dimension) || dimension === 0) {
      throw refuse(`its ${size} bytes are no ${images} rows of float32, one for each image`);
    }
    return { embeddings: given({ rows: images, columns: dimension, type: float32, offset: 0 }) };
  } finally {
    await handle.close();
  }
}

const float32 = elementTypes.get('float32') as ElementType;

function rowsOf(
  file: string,
  { rows, columns, type, offset }: Matrix,
  images: number,
  refuse: Refuse,
): GivenEmbeddings {
  if (rows !== images) throw refuse(`it has ${rows} rows; the set has ${images} images`);
  if (columns === 0) throw refuse('its rows are empty');
  const rowBytes = columns * type.bytes;
  return {
    file,
    images: rows,
    dimension: columns,
    async read(from, count) {
      if (from < 0 || count < 0 || from + count > rows) {
        throw new RangeError(`rows ${from} to ${from + count - 1} of ${rows} in ${file}`);
      }
      const handle = await open(file, 'r');
      try {
        const values = await numbers(handle, file, { type, offset: offset + from * rowBytes, count: count * columns });
        const bad = values.findIndex((value) => !Number.isFinite(value));
        if (bad < 0) return values;
        const row = from + Math.floor(bad / columns);
        throw new UserError(
          `${file}, row ${row} (from 0 on): the embedding is not finite, it holds ${values[bad]}.`,
          1,
        );
      } finally {
        await handle.close();
      }
    },
  };
}

/** Numbers of any float type as float32, to which float64 is rounded. */
async function numbers(
  handle: FileHandle,
  file: string,
  { type, offset, count }: { readonly type: ElementType; readonly offset: number; readonly count: number },
): Promise<Float32Array> {
  const values = new Float32Array(count);
  if (type.name === 'float32') {
    await readFully(handle, file, bytesOf(values), offset);
    return values;
  }
  const bytes = new Uint8Array(count * type.bytes);
  await readFully(handle, file, bytes, offset);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) values[i] = type.read(view, i * type.bytes);
  return values;
}

/** The first or second half of each row. */
function half({ images, dimension: both, read }: EmbeddingRows, which: 0 | 1): EmbeddingRows {
  const dimension = both / 2;
  return {
    images,
    dimension,
    async read(from, count) {
      const whole = await read(from, count);
      const values = new Float32Array(count * dimension);
      for (let row = 0; row < count; row++) {
        const start = row * both + which * dimension;
        values.set(whole.subarray(start, start + dimension), row * dimension);
      }
      return values;
    },
  };
}
