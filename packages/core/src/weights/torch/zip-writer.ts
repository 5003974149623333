import { crc32 } from 'node:zlib';
import { UserError } from '../../system/user-error';

// PyTorch maps storages into memory, so each starts at a multiple of this.
const alignment = 64;

/** Bytes that no archive without zip64 has. */
export const largestZip = 0xffffffff;

export const tooLarge = (): UserError =>
  new UserError(
    'A PyTorch file holds at most 4 GiB and 65535 tensors, fewer than these weights have: write safetensors.',
    1,
  );

/** The parts of a zip archive of stored entries, aligned by an extra field as in PyTorch's writer. */
export function zipParts(entries: readonly (readonly [name: string, data: Uint8Array])[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  const add = (part: Uint8Array) => {
    parts.push(part);
    offset += part.length;
  };
  for (const [name, data] of entries) {
    const own = Buffer.from(name, 'utf8');
    const shared = entryFields(data, own.length);
    // The header has 30 bytes, and the extra field's header 4.
    const padding = (alignment - ((offset + 30 + own.length + 4) % alignment)) % alignment;
    const header = Buffer.concat([uints([4, 0x04034b50]), shared, uints([2, 4 + padding])]);
    const place = offset;
    add(Buffer.concat([header, own, Buffer.from('FB', 'latin1'), uints([2, padding]), Buffer.alloc(padding, 'Z')]));
    add(data);
    const rest = uints([2, 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, place]);
    directory.push(Buffer.concat([uints([4, 0x02014b50], [2, 20]), shared, rest, own]));
  }
  const whole = Buffer.concat(directory);
  const count = entries.length;
  if (offset + whole.length >= largestZip || count >= 0xffff) throw tooLarge();
  const end = uints([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, whole.length], [4, offset], [2, 0]);
  return [...parts, whole, end];
}

/** The fields of both local header and directory: version, flags, method (stored), time, checksum, sizes, name's length. */
function entryFields(data: Uint8Array, nameLength: number): Buffer {
  const size = Math.min(data.length, 0xffffffff);
  return uints([2, 20], [2, 0], [2, 0], [2, 0], [2, 0], [4, crc32(data)], [4, size], [4, size], [2, nameLength]);
}

/** Consecutive whole numbers, each with its count of bytes. */
function uints(...fields: readonly (readonly [bytes: number, value: number])[]): Buffer {
  return Buffer.concat(
    fields.map(([bytes, value]) => {
      const field = Buffer.alloc(bytes);
      field.writeUIntLE(Math.min(value, 0xffffffff), 0, bytes);
      return field;
    }),
  );
}
