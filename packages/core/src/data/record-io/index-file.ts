import { UserError } from '../../system/user-error';
import { type ByteSource, FileWindow } from './window';

/** What a `.idx` lists, in its order: numbers of records, and where each begins in the `.rec`. */
export interface RecordIndex {
  readonly keys: Float64Array;
  readonly offsets: Float64Array;
}

const [tab, lineFeed, carriageReturn, zero] = [9, 10, 13, 48];
// Enough for what a 53-bit number counts.
const mostDigits = 15;

/**
 * Reads `<key>\t<offset>` lines, piece by piece.
 * @param recordBytes size of the `.rec`: offsets at or beyond it are refused
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

/** As `readRecordIndex`. @param path for messages */
export async function parseRecordIndex(file: ByteSource, path: string, recordBytes: number): Promise<RecordIndex> {
  // The shortest line has four bytes, the usual one about 18.
  let keys = new Float64Array(Math.ceil(file.size / 16) + 16);
  let offsets = new Float64Array(keys.length);
  let [count, value, digits, key] = [0, 0, 0, -1];
  const refuse = (why: string) => new UserError(`${path} is no index of records: line ${count + 1} ${why}.`, 1);
  const endLine = () => {
    if (key < 0 || digits === 0) throw refuse('is not <key>, a tab and <offset>');
    if (value % 4 !== 0) throw refuse(`says that record ${key} begins at byte ${value}, which is no multiple of 4`);
    if (value >= recordBytes) {
      throw refuse(
        `says that record ${key} begins at byte ${value}, but the records end at byte ${recordBytes}: they are cut off, or another set's`,
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
  if (count === 0) throw new UserError(`${path} is empty: delete it, and it is made again.`, 1);
  return { keys: keys.slice(0, count), offsets: offsets.slice(0, count) };
}

export function grown(values: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * values.length);
  larger.set(values);
  return larger;
}

/** The text of a `.idx`. */
export function recordIndexText({ keys, offsets }: RecordIndex): string {
  return Array.from(keys, (key, i) => `${key}\t${offsets[i]}\n`).join('');
}
