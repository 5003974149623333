import { Cursor } from '../../weights/cursor';
import type { Refuse } from '../../weights/refusal';
import { NumpyArray, numpyGlobals } from '../../weights/torch/numpy-globals';
import { readPickle } from '../../weights/torch/pickle-operations';
import { itemsOf } from '../../weights/torch/pickle-values';
import { pythonGlobals } from '../../weights/torch/python-globals';
import type { CifarKind } from './kinds';
import { type CifarBatch, checked, pixelBytes } from './records';

const rules = { globals: new Map([...pythonGlobals, ...numpyGlobals]), content: 'a batch of images' };

/** A pickled dict by its keys, which can be bytes: Python 3 saves those after reading with `encoding='bytes'`. */
function dictOf(bytes: Buffer, refuse: Refuse): ReadonlyMap<string, unknown> {
  const content = readPickle(new Cursor(bytes, refuse), rules);
  if (!(content instanceof Map)) throw refuse('its pickle is not a dict');
  return new Map([...content].map(([key, value]) => [textOf(key) ?? '', value]));
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return Buffer.isBuffer(value) ? value.toString('latin1') : undefined;
}

/** Reads a dict of `data` [N, 3072] (uint8, planes) and lists of labels. @throws UserError for anything else */
export function pickledBatch(bytes: Buffer, kind: CifarKind, refuse: Refuse): CifarBatch {
  const content = dictOf(bytes, refuse);
  const data = content.get('data');
  if (!(data instanceof NumpyArray) || data.type?.name !== 'uint8') throw refuse("its 'data' is not an array of bytes");
  const [count = 0, width] = data.shape;
  if (data.shape.length !== 2 || width !== pixelBytes || (data.columnMajor && count > 1)) {
    throw refuse(`its 'data' has the shape [${data.shape}] instead of [images, ${pixelBytes}], row by row`);
  }
  if (count === 0) throw refuse('it is empty');
  const { fine, coarse } = kind.labelKeys;
  const fineLabels = numbersOf(content, fine, count, refuse);
  const coarseLabels = coarse === undefined ? [] : numbersOf(content, coarse, count, refuse);
  return checked(
    {
      count,
      pixels: (i) => data.data.subarray(i * pixelBytes, (i + 1) * pixelBytes),
      fine: (i) => fineLabels[i] as number,
      coarse: (i) => coarseLabels[i] as number,
    },
    kind,
    refuse,
  );
}

function numbersOf(content: ReadonlyMap<string, unknown>, key: string, count: number, refuse: Refuse): number[] {
  const value = content.get(key);
  const numbers = value instanceof NumpyArray ? arrayNumbers(value) : itemsOf(value);
  if (!numbers) throw refuse(`it has no list '${key}'`);
  if (numbers.length !== count) throw refuse(`its '${key}' has ${numbers.length} labels for ${count} images`);
  const wrong = numbers.findIndex((number) => typeof number !== 'number');
  if (wrong >= 0) throw refuse(`record ${wrong} has no numeric label in '${key}'`);
  return numbers as number[];
}

function arrayNumbers({ type, shape, data }: NumpyArray): number[] | undefined {
  if (!type || shape.length !== 1) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  return Array.from({ length: data.length / type.bytes }, (_, i) => type.read(view, i * type.bytes));
}

/** Reads the list of names of a pickled dict. @throws UserError if there is none */
export function pickledNames(bytes: Buffer, key: string, refuse: Refuse): string[] {
  const names = itemsOf(dictOf(bytes, refuse).get(key))?.map(textOf);
  if (!names?.every((name) => name !== undefined)) throw refuse(`it has no list of names '${key}'`);
  return names;
}
