import { UserError } from '../../system/user-error';
import { type ByteSource, FileWindow } from './window';

/** The content of a `.idx` file, in its order: the keys of records, and their offsets in the `.rec` file. */
export interface RecordIndex {
  readonly keys: Float64Array;
  readonly offsets: Float64Array;
}

const [tab, lineFeed, carriageReturn, space, zero] = [9, 10, 13, 32, 48];
const byteOrderMark = [0xef, 0xbb, 0xbf];
// More would not fit a 53-bit number.
const mostDigits = 15;

/**
 * Reads the lines `<key>\t<offset>` of a file of any size; spaces may stand for the tab, and lines may end as on Windows.
 * @param recordBytes the size of the `.rec` file, which offsets must not reach
 * @throws UserError that names the line, or the first offset that cannot be a record's and the number of all of them
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
  let [count, line, value, digits, key] = [0, 1, 0, 0, -1];
  // Whether a separator, or the end of the line, followed the digits.
  let [separated, returned] = [false, false];
  let wrong = 0;
  let firstWrong = 0;
  const refuse = (why: string) => new UserError(`${path} is not an index of records: line ${line} ${why}.`, 1);
  const malformed = () => refuse('is not <key>, a tab and <offset>');
  const endLine = () => {
    if (key < 0 && digits === 0) {
      // An empty line.
      [returned, separated] = [false, false];
      line++;
      return;
    }
    if (key < 0 || digits === 0) throw malformed();
    if ((value % 4 !== 0 || value >= recordBytes) && ++wrong === 1) firstWrong = count;
    if (count === keys.length) {
      keys = grown(keys);
      offsets = grown(offsets);
    }
    keys[count] = key;
    offsets[count++] = value;
    [value, digits, key, separated, returned] = [0, 0, -1, false, false];
    line++;
  };
  const start = await file.read(0, byteOrderMark.length);
  let position = byteOrderMark.every((byte, i) => start[i] === byte) ? byteOrderMark.length : 0;
  while (position < file.size) {
    const bytes = await file.read(position, 1 << 20);
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      const digit = byte - zero;
      if (byte === lineFeed) endLine();
      else if (returned) throw malformed();
      else if (digit >= 0 && digit <= 9) {
        if (separated && digits > 0) {
          // The first digit after the separator.
          if (key >= 0) throw malformed();
          [key, value, digits] = [value, 0, 0];
        }
        separated = false;
        value = value * 10 + digit;
        if (++digits > mostDigits) throw refuse('has a number of more than 15 digits');
      } else if (byte === tab || byte === space) separated = true;
      else if (byte === carriageReturn) returned = true;
      else throw malformed();
    }
    position += bytes.length;
  }
  if (digits > 0 || key >= 0) endLine();
  if (count === 0) throw new UserError(`${path} is empty: delete it, and it is built again.`, 1);
  const index = { keys: keys.slice(0, count), offsets: offsets.slice(0, count) };
  if (wrong === 0) return index;
  throw indexMisfit(path, index, { count: wrong, first: firstWrong }, `, and the records end at byte ${recordBytes}`);
}

/**
 * The error for an index some of whose offsets are not the start of a record.
 * @param wrong their number, and the first one's place in the index
 * @param detail a clause that follows the first offset
 */
export function indexMisfit(
  path: string,
  { keys, offsets }: RecordIndex,
  wrong: { readonly count: number; readonly first: number },
  detail = '',
): UserError {
  const { count, first } = wrong;
  return new UserError(
    `${path} does not fit the records: ${count} of its ${keys.length} offsets are not the start of a record, the first is byte ${offsets[first]} of key ${keys[first]}${detail}; the index may be of another packing: remove it, and the records are listed without it.`,
    1,
  );
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
