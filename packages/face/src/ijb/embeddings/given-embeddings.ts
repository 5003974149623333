import type { FileHandle } from 'node:fs/promises';
import { extname } from 'node:path';
import { bytesOf } from '@headshare/core/system/bytes-of';
import { UserError } from '@headshare/core/system/user-error';
import { type ElementType, elementTypes } from '@headshare/core/weights/element-types';
import { type Refuse, refusal } from '@headshare/core/weights/refusal';
import { checkRows, type EmbeddingRows, readFully, withFile } from './embedding-rows';
import { type Matrix, npyMatrix, safetensorsMatrices } from './matrix-headers';

/** The embeddings of images and, if there are any, of their mirror images. */
export interface GivenEmbeddings<Rows = EmbeddingRows> {
  readonly embeddings: Rows;
  readonly flipped?: Rows;
}

export interface GivenOptions {
  /** The file, with one row an image, in the order of the meta files' lines. */
  readonly embeddings: string;
  /** The file of the mirror images' embeddings. */
  readonly flipped?: string;
  /** Each row is an image's embedding followed by its mirror image's. */
  readonly concatenated?: boolean;
  /** The number of rows that the files must have. */
  readonly images: number;
}

/**
 * Embeddings computed by another program: raw little-endian float32 (.f32), NumPy's .npy, or .safetensors with tensors
 * `embeddings` and optionally `flipped`. Only headers are read here.
 * @throws UserError if files are damaged or have another number of rows; from `read`, for a row that is not finite
 */
export async function givenEmbeddings(options: GivenOptions): Promise<GivenEmbeddings> {
  const { embeddings: file, flipped: flippedFile, concatenated = false, images } = options;
  const { embeddings, flipped: inside } = await openMatrices(file, images);
  if (concatenated) {
    if (flippedFile !== undefined || inside) {
      throw new UserError('--concatenated: the rows contain the mirror images, so that no second file can be given');
    }
    if (embeddings.dimension % 2 !== 0) {
      throw new UserError(`${file} has rows of ${embeddings.dimension} numbers, which cannot be halved.`, 1);
    }
    return { embeddings: half(embeddings, 0), flipped: half(embeddings, 1) };
  }
  const flipped = flippedFile === undefined ? inside : (await openMatrices(flippedFile, images)).embeddings;
  if (flipped && flipped.dimension !== embeddings.dimension) {
    throw new UserError(
      `${file} has rows of ${embeddings.dimension} numbers and ${flipped.file} of ${flipped.dimension}: both must be by one network.`,
      1,
    );
  }
  return { embeddings, ...(flipped && { flipped }) };
}

type FileRows = EmbeddingRows & { readonly file: string };

async function openMatrices(file: string, images: number): Promise<GivenEmbeddings<FileRows>> {
  const refuse = refusal(file, 'embeddings');
  return withFile(file, async (handle) => {
    const { size } = await handle.stat();
    const kind = extname(file).toLowerCase();
    const header = { handle, file, size, refuse };
    const rows = (matrix: Matrix) => rowsOf(file, matrix, images, refuse);
    if (kind === '.npy') return { embeddings: rows(await npyMatrix(header)) };
    if (kind === '.safetensors') {
      const { embeddings, flipped } = await safetensorsMatrices(header);
      return { embeddings: rows(embeddings), ...(flipped && { flipped: rows(flipped) }) };
    }
    if (kind !== '.f32') throw refuse('its name does not end in .f32, .npy or .safetensors');
    const dimension = size / (4 * images);
    if (!Number.isInteger(dimension) || dimension === 0) {
      throw refuse(`its ${size} bytes are not ${images} rows of float32, one for each image`);
    }
    return { embeddings: rows({ rows: images, columns: dimension, type: float32, offset: 0 }) };
  });
}

const float32 = elementTypes.get('float32') as ElementType;

function rowsOf(file: string, { rows, columns, type, offset }: Matrix, images: number, refuse: Refuse): FileRows {
  if (rows !== images) throw refuse(`it has ${rows} rows; the set has ${images} images`);
  if (columns === 0) throw refuse('its rows are empty');
  return {
    file,
    images: rows,
    dimension: columns,
    read: async (from, count) => {
      checkRows(from, count, rows);
      const values = await withFile(file, (handle) =>
        numbers(handle, file, type, offset + from * columns * type.bytes, count * columns),
      );
      const bad = values.findIndex((value) => !Number.isFinite(value));
      if (bad < 0) return values;
      const row = from + Math.floor(bad / columns);
      throw new UserError(`${file}, row ${row} (from 0 on): the embedding is not finite, it holds ${values[bad]}.`, 1);
    },
  };
}

/** Numbers of any float type as float32; float64 is rounded. */
async function numbers(
  handle: FileHandle,
  file: string,
  type: ElementType,
  offset: number,
  count: number,
): Promise<Float32Array> {
  const values = new Float32Array(count);
  if (type.name === 'float32') {
    await readFully(handle, file, bytesOf(values), offset);
    return values;
  }
  const bytes = new Uint8Array(count * type.bytes);
  await readFully(handle, file, bytes, offset);
  const data = new DataView(bytes.buffer);
  return values.map((_, i) => type.read(data, i * type.bytes));
}

/** The first or second half of each row. */
function half({ images, dimension: both, read }: EmbeddingRows, which: 0 | 1): EmbeddingRows {
  const dimension = both / 2;
  return {
    images,
    dimension,
    async read(from, count) {
      const rows = await read(from, count);
      const values = new Float32Array(count * dimension);
      for (let row = 0; row < count; row++) {
        const start = row * both + which * dimension;
        values.set(rows.subarray(start, start + dimension), row * dimension);
      }
      return values;
    },
  };
}
