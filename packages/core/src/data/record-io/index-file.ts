import { UserError } from '../../system/user-error';
import { type ByteSource, FileWindow } from './window';

/** The content of a `.idx` file, in its order: the keys of records, and their offsets in the `.rec` file. */
export interface RecordIndex {
  readonly keys: Float64Array;
  readonly offsets: Float64Array;
}

const [tab, lineFeed, carriageReturn, zero] = [9, 10, 13, 48];
// More would not fit a 53-bit number.
const mostDigits = 15;

/**
 * Reads the lines `<key>\t<offset>` of a file of any size.
 * @param recordBytes the size of the `.rec` file, which offsets must not reach
 * @throws UserError that names the line
 */
export async function readRecordIndex(path: string, recordBytes: number): Promise<RecordIndex> {
  const file = await FileWindow.open(path);
  try {
    return await parseRecordIndex(file, path, recordBytes);
  } finally {
    await file.close();
  }
}

/** As `readRecordIndex`. @param path the file's name in errors */
export async function parseRecordIndex(file: ByteSource, path: string, recordBytes: number): Promise<RecordIndex> {
  // The shortest line has four bytes, the usual one about 18.
  let keys = new Float64Array(Math.ceil(file.size / 16) + 16);
  let offsets = new Float64Array(keys.length);
  let [count, value, digits, key] = [0, 0, 0, -1];
  const refuse = (why: string) => new UserError(`${path} is not an index of records: line ${count + 1} ${why}.`, 1);
  const endLine = () => {
    if (key < 0 || digits === 0) throw refuse('is not <key>, a tab and <offset>');
    if (value % 4 !== 0)
      throw refuse(`gives byte ${value} as the start of record ${key}, which is not a multiple of 4`);
    if (value >= recordBytes) {
      throw refuse(
        `gives byte ${value} as the start of record ${key}, but the records end at byte ${recordBytes}: they are cut off, or belong to another dataset`,
      );
    }
    if (count === keys.length) {
      keys = grown(keys);
      offsets = grown(offsets);
    }
    keys[count] = key;
    offsets[count++] = value;
    [value, digits, key] = [0, 0, -1];
  };
  for (let position = 0; position < file.size; ) {
    const bytes = await file.read(position, 1 << 20);
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      const digit = byte - zero;
      if (digit >= 0 && digit <= 9) {
        value = value * 10 + digit;
        if (++digits > mostDigits) throw refuse('has a number of more than 15 digits');
      } else if (byte === tab && key < 0 && digits > 0) {
        [key, value, digits] = [value, 0, 0];
      } else if (byte === lineFeed) endLine();
      else if (byte !== carriageReturn) throw refuse('is not <key>, a tab and <offset>');
    }
    position += bytes.length;
  }
  if (digits > 0 || key >= 0) endLine();
  if (count === 0) throw new UserError(`${path} is empty: delete it, and it is built again.`, 1);
  return { keys: keys.slice(0, count), offsets: offsets.slice(0, count) };
}

export function grown(values: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * values.length);
  larger.set(values);
  return larger;
}

/** The text of a `.idx` file. */
export function recordIndexText({ keys, offsets }: RecordIndex): string {
  return Array.from(keys, (key, i) => `${key}\t${offsets[i]}\n`).join('');
}
