import { Cursor } from '@headshare/core/weights/cursor';
import type { Refuse } from '@headshare/core/weights/refusal';
import { NumpyArray, numpyGlobals } from '@headshare/core/weights/torch/numpy-globals';
import { readPickle } from '@headshare/core/weights/torch/pickle-operations';
import { itemsOf } from '@headshare/core/weights/torch/pickle-values';
import { pythonGlobals } from '@headshare/core/weights/torch/python-globals';

/** The content of insightface's `.bin` files: images 2k and 2k + 1 are pair k. */
interface PickledSet {
  /** Encoded images: views of the file's bytes, or copies if the file encodes them. */
  readonly images: readonly Buffer[];
  /** 1: the same person, 0: different people. */
  readonly same: Uint8Array;
}

const rules = {
  globals: new Map([...pythonGlobals, ...numpyGlobals]),
  content: 'a verification set',
  // Longer strings are images and become views instead of copies.
  bytesFrom: 256,
};

/**
 * Reads the pickled pair of lists: encoded images (Python 2 strings, bytes, or arrays of bytes, [n] or [n, 1]) and
 * labels. Nothing in the pickle is executed. @throws UserError for any other content
 */
export function readPickledSet(bytes: Buffer, refuse: Refuse): PickledSet {
  const content = itemsOf(readPickle(new Cursor(bytes, refuse), rules));
  const [images, same] = content?.map(listOf) ?? [];
  if (content?.length !== 2 || !images || !same)
    throw refuse('its pickle is not a pair of lists, of images and labels');
  if (images.length !== 2 * same.length) {
    throw refuse(`it has ${images.length} images for ${same.length} pairs, which need ${2 * same.length}`);
  }
  const labels = same.map((value, pair) => {
    if (typeof value === 'boolean' || value === 0 || value === 1) return Number(value);
    throw refuse(`the label of pair ${pair} is neither true nor false`);
  });
  return { images: images.map((image, i) => encodedImage(image, i, refuse)), same: Uint8Array.from(labels) };
}

/** The items of a list or of an array of numbers of one dimension. */
function listOf(value: unknown): readonly unknown[] | undefined {
  if (!(value instanceof NumpyArray)) return itemsOf(value);
  const { type, shape, data } = value;
  if (!type || shape.length !== 1) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: shape[0] ?? 0 }, (_, i) => type.read(view, i * type.bytes));
}

function encodedImage(value: unknown, index: number, refuse: Refuse): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === 'string') return Buffer.from(value, 'latin1');
  if (value instanceof NumpyArray && value.type?.name === 'uint8') {
    const [length, width = 1] = value.shape;
    if (value.shape.length <= 2 && width === 1 && length !== 0) return value.data;
    throw refuse(`its image ${index} is an array of shape [${value.shape}], not of encoded bytes`);
  }
  throw refuse(`its image ${index} is neither bytes nor an array of bytes`);
}
