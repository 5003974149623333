import { Cursor } from '@headshare/core/weights/cursor';
import type { Refuse } from '@headshare/core/weights/refusal';
import { NumpyArray, numpyGlobals } from '@headshare/core/weights/torch/numpy-globals';
import { readPickle } from '@headshare/core/weights/torch/pickle-operations';
import { itemsOf } from '@headshare/core/weights/torch/pickle-values';
import { pythonGlobals } from '@headshare/core/weights/torch/python-globals';

/** What insightface's `.bin` files hold: images 2k and 2k + 1 are pair k. */
export interface PickledSet {
  /** Encoded images: views of the file's bytes, or bytes of their own where it holds them otherwise. */
  readonly images: readonly Buffer[];
  /** 1: the same person, 0: different people. */
  readonly same: Uint8Array;
}

const rules = {
  globals: new Map([...pythonGlobals, ...numpyGlobals]),
  content: 'a verification set',
  // A string of this length is an image, of which views are kept rather than copies.
  bytesFrom: 256,
};

/**
 * The pickled pair of lists: encoded images (strings of Python 2, bytes, or arrays of bytes, [n] or [n, 1]) and whether
 * pairs are of the same person. Nothing in it is run. @throws UserError for all else
 */
export function readPickledSet(bytes: Buffer, refuse: Refuse): PickledSet {
  const content = itemsOf(readPickle(new Cursor(bytes, refuse), rules));
  const [images, same] = content?.map(listOf) ?? [];
  if (content?.length !== 2 || !images || !same) throw refuse('its pickle is no pair of lists: images and labels');
  if (images.length !== 2 * same.length) {
    throw refuse(`it has ${images.length} images for ${same.length} pairs, which need ${2 * same.length}`);
  }
  const labels = same.map((value, pair) => {
    if (typeof value !== 'boolean' && value !== 0 && value !== 1) {
      throw refuse(`it does not say whether pair ${pair} is of the same person`);
    }
    return Number(value);
  });
  return { images: images.map((image, i) => encodedImage(image, i, refuse)), same: Uint8Array.from(labels) };
}

/** An array of one dimension counts as a list. */
function listOf(value: unknown): readonly unknown[] | undefined {
  if (!(value instanceof NumpyArray)) return itemsOf(value);
  const { type, shape, data } = value;
  return type?.bytes === 1 && shape.length === 1 ? Array.from(data) : undefined;
}

function encodedImage(value: unknown, index: number, refuse: Refuse): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === 'string') return Buffer.from(value, 'latin1');
  if (value instanceof NumpyArray && value.type?.name === 'uint8') {
    const [length, width = 1] = value.shape;
    if (value.shape.length <= 2 && width === 1 && length !== 0) return value.data;
    throw refuse(`its image ${index} is an array of the shape [${value.shape}], not of encoded bytes`);
  }
  throw refuse(`its image ${index} is no string of bytes and no array of them`);
}
