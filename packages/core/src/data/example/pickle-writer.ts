/** A Uint8Array becomes Python's bytes, a string becomes its text. */
export type Picklable =
  | string
  | number
  | boolean
  | Uint8Array
  | readonly Picklable[]
  | ReadonlyMap<string, Picklable>
  | ByteArray
  | PickledPair;

/** A NumPy array of bytes. */
export class ByteArray {
  constructor(
    readonly shape: readonly number[],
    readonly data: Uint8Array,
  ) {}
}

/** A tuple of two. */
export class PickledPair {
  constructor(readonly items: readonly [Picklable, Picklable]) {}
}

/**
 * Writes a pickle as the authors of datasets did (Lib/pickletools.py): with `python` 2 (protocol 2) strings and the data
 * of arrays are byte strings; with 3 (protocol 3) strings are text, and the data of arrays is bytes.
 */
export function pickle(value: Picklable, python: 2 | 3 = 2): Buffer {
  const parts: Uint8Array[] = [];
  const ascii = (text: string) => parts.push(Buffer.from(text, 'latin1'));
  const integer = (value: number, code = 'J') => {
    const bytes = Buffer.from(`${code}0000`, 'latin1');
    bytes.writeInt32LE(value, 1);
    parts.push(bytes);
  };
  const sized = (code: string, bytes: Uint8Array) => {
    integer(bytes.length, code);
    parts.push(bytes);
  };
  const string = (text: string) =>
    python === 2 ? sized('T', Buffer.from(text, 'latin1')) : sized('X', Buffer.from(text, 'utf8'));
  const write = (part: Picklable): void => {
    if (typeof part === 'string') string(part);
    else if (typeof part === 'number') integer(part);
    else if (typeof part === 'boolean') ascii(part ? '\x88' : '\x89');
    else if (part instanceof ByteArray) array(part);
    else if (part instanceof PickledPair) {
      for (const item of part.items) write(item);
      ascii('\x86');
    } else if (part instanceof Map) {
      ascii('}(');
      for (const [key, item] of part) {
        string(key);
        write(item);
      }
      ascii('u');
    } else if (Array.isArray(part)) {
      ascii('](');
      for (const item of part) write(item);
      ascii('e');
    } else sized(python === 2 ? 'T' : 'B', part as Uint8Array);
  };
  /** An empty ndarray, then its state: version, shape, type, order, data. */
  const array = ({ shape, data }: ByteArray) => {
    ascii('cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n(K\0t');
    write(Buffer.from('b'));
    ascii('\x87R(K\x01(');
    for (const length of shape) integer(length);
    ascii('tcnumpy\ndtype\n');
    string('u1');
    ascii('K\0K\x01\x87R(K\x03');
    string('|');
    ascii('NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89');
    write(data);
    ascii('tb');
  };
  ascii(python === 2 ? '\x80\x02' : '\x80\x03');
  write(value);
  ascii('.');
  return Buffer.concat(parts);
}
