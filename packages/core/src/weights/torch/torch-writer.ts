import type { NamedValues } from '../../runtime/state';
import { bytesOf } from '../../system/bytes-of';
import { writeAtomically } from '../../system/write-atomically';
import { contiguousStrides } from '../external-tensor';
import { largestZip, tooLarge, zipParts } from './zip-writer';

/**
 * Writes float32 tensors in PyTorch's layout like `torch.save` of an OrderedDict, for `torch.load(file, weights_only=True)` and
 * `load_state_dict`.
 * @throws UserError on a full or read-only disk, or for more than 4 GiB
 */
export function writeTorchFile(file: string, tensors: ReadonlyMap<string, NamedValues>, about: Texts = {}): void {
  writeAtomically(file, torchFileParts(tensors, about));
}

/** Texts by name, which PyTorch does not read. */
type Texts = Readonly<Record<string, string>>;

export function torchFileParts(tensors: ReadonlyMap<string, NamedValues>, about: Texts = {}): Uint8Array[] {
  const bytes = [...tensors.values()].reduce((sum, { values }) => sum + values.byteLength, 0);
  if (bytes >= largestZip) throw tooLarge();
  return zipParts([
    ['archive/data.pkl', stateDictPickle(tensors)],
    ['archive/byteorder', Buffer.from('little')],
    ...[...tensors.values()].map(({ values }, index) => [`archive/data/${index}`, bytesOf(values)] as const),
    ['archive/version', Buffer.from('3\n')],
    ...Object.entries(about).map(([name, text]) => [`archive/${name}`, Buffer.from(text)] as const),
  ]);
}

// Pickle operations, with the names in Python's pickletools.
const proto2 = Buffer.of(0x80, 2);
const op = (code: string) => Buffer.from(code, 'latin1');
const mark = op('(');
const tuple = op('t');
const emptyTuple = op(')');
const reduce = op('R');
const setItems = op('u');
const persistent = op('Q');
const stop = op('.');
const newFalse = Buffer.of(0x89);
const global = (module: string, name: string) => op(`c${module}\n${name}\n`);
const orderedDict = Buffer.concat([global('collections', 'OrderedDict'), emptyTuple, reduce]);

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  const head = Buffer.from('X\0\0\0\0', 'latin1');
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** A whole number from 0 on: BININT below 2^31, else LONG1. */
function count(value: number): Buffer {
  if (value < 2 ** 31) {
    const head = Buffer.from('J\0\0\0\0', 'latin1');
    head.writeInt32LE(value, 1);
    return head;
  }
  const head = Buffer.from([0x8a, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeBigInt64LE(BigInt(value), 2);
  return head;
}

const counts = (values: readonly number[]) => Buffer.concat([mark, ...values.map(count), tuple]);

function stateDictPickle(tensors: ReadonlyMap<string, NamedValues>): Buffer {
  const items = [...tensors].map(([name, { shape, values }], index) =>
    Buffer.concat([
      text(name),
      global('torch._utils', '_rebuild_tensor_v2'),
      mark,
      Buffer.concat([mark, text('storage'), global('torch', 'FloatStorage'), text(`${index}`), text('cpu')]),
      Buffer.concat([count(values.length), tuple, persistent]),
      Buffer.concat([count(0), counts(shape), counts(contiguousStrides(shape)), newFalse, orderedDict]),
      tuple,
      reduce,
    ]),
  );
  return Buffer.concat([proto2, orderedDict, mark, ...items, setItems, stop]);
}
