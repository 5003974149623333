/**
 * Reads zip archives of PyTorch (PKWARE's APPNOTE 6.3.9): stored entries, with zip64 for large sizes. The central directory at
 * the end lists the entries.
 */
import { Cursor } from '../cursor';
import { checksumOf, type FileBytes, pieceBytes } from '../file-bytes';
import { type Refuse, shown } from '../refusal';

export interface ZipArchive {
  readonly names: readonly string[];
  /** The bytes of a small entry; undefined for an unknown name. @throws UserError when the checksum does not match */
  read(name: string): Buffer | undefined;
  /** The bytes of an entry of any size, as `read`. */
  view(name: string): DataView<ArrayBuffer> | undefined;
}

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly checksum: number;
  readonly size: number;
  /** The position of its local header. */
  readonly offset: number;
}

const signatures = {
  local: 0x04034b50,
  central: 0x02014b50,
  end: 0x06054b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
};
const endSize = 22;
const longestComment = 0xffff;
const locator64Size = 20;
const end64Size = 56;
const localSize = 30;
// Far more than the tensors of any network.
const mostEntries = 200_000;

/** @throws UserError for archives that are damaged, compressed, encrypted or forged */
export function openZip(file: FileBytes, refuse: Refuse): ZipArchive {
  const directory = findDirectory(file, refuse);
  const entries = readDirectory(file, directory, refuse);
  const found = new Map<string, { readonly from: number; readonly to: number }>();
  let free = 0;
  for (const entry of [...entries.values()].sort((a, b) => a.offset - b.offset)) {
    const from = locate(file, entry, refuse);
    if (entry.offset < free) throw refuse(`its entry ${shown(entry.name)} overlaps another one`);
    free = from + entry.size;
    if (free > directory.offset) throw refuse(`its entry ${shown(entry.name)} runs past its end`);
    found.set(entry.name, { from, to: free });
  }
  /** @throws UserError when the bytes do not match the entry's checksum */
  function checked<A extends ArrayBufferView>(name: string, data: A): A {
    const checksum = entries.get(name)?.checksum;
    // PyTorch writes 0 where checksums are switched off.
    if (checksum && checksumOf(data) !== checksum) {
      throw refuse(`the bytes of its entry ${shown(name)} do not match their checksum`);
    }
    return data;
  }
  return {
    names: [...entries.keys()],
    read(name) {
      const place = found.get(name);
      return place && checked(name, file.bytes(place.from, place.to));
    },
    view(name) {
      const place = found.get(name);
      return place && checked(name, file.view(place.from, place.to));
    },
  };
}

interface Directory {
  readonly offset: number;
  readonly size: number;
  readonly entries: number;
}

function findDirectory(file: FileBytes, refuse: Refuse): Directory {
  const start = Math.max(0, file.length - endSize - longestComment - locator64Size);
  const tail = file.bytes(start, file.length);
  const at = findEnd(tail);
  if (at === undefined) throw refuse('its end is missing: the file may be incomplete');
  const end = new Cursor(tail, refuse, at + 4);
  const disks = [end.uint(2), end.uint(2)];
  end.take(2);
  let directory: Directory = { entries: end.uint(2), size: end.uint(4), offset: end.uint(4) };
  if (disks.some((disk) => disk !== 0)) throw refuse('it is one part of several');
  const locator = at - locator64Size;
  let limit = start + at;
  if (locator >= 0 && tail.readUInt32LE(locator) === signatures.locator64) {
    limit = new Cursor(tail, refuse, locator + 8).uint64();
    const isInside = limit <= start + locator;
    const end64 = new Cursor(isInside ? upTo(file, limit, end64Size) : Buffer.alloc(0), refuse);
    if (!isInside || end64.uint(4) !== signatures.end64) throw refuse('its zip64 record is not at the stated position');
    end64.take(8 + 2 + 2 + 4 + 4 + 8);
    directory = { entries: end64.uint64(), size: end64.uint64(), offset: end64.uint64() };
  }
  if (directory.offset + directory.size > limit) throw refuse('its directory runs past its end');
  if (directory.size > pieceBytes) throw refuse(`its directory has ${directory.size} bytes`);
  return directory;
}

/** Up to `count` bytes from a position, fewer at the file's end. */
const upTo = (file: FileBytes, from: number, count: number): Buffer =>
  file.bytes(from, Math.min(from + count, file.length));

/** The position of the record at the end; a comment of up to 65535 bytes, whose length it states, may follow it. */
function findEnd(bytes: Buffer): number | undefined {
  for (let at = bytes.length - endSize; at >= Math.max(0, bytes.length - endSize - longestComment); at--) {
    if (bytes.readUInt32LE(at) === signatures.end && at + endSize + bytes.readUInt16LE(at + 20) === bytes.length) {
      return at;
    }
  }
  return undefined;
}

function readDirectory(file: FileBytes, directory: Directory, refuse: Refuse): Map<string, Entry> {
  const cursor = new Cursor(file.bytes(directory.offset, directory.offset + directory.size), refuse);
  const entries = new Map<string, Entry>();
  while (cursor.at < cursor.bytes.length) {
    const entry = readEntry(cursor, refuse);
    if (entries.has(entry.name)) throw refuse(`it has two entries named ${shown(entry.name)}`);
    entries.set(entry.name, entry);
    if (entries.size > mostEntries) throw refuse(`it has more than ${mostEntries} entries`);
  }
  if (entries.size !== directory.entries) {
    throw refuse(`it has ${entries.size} entries where its directory states ${directory.entries}`);
  }
  return entries;
}

function readEntry(cursor: Cursor, refuse: Refuse): Entry {
  if (cursor.uint(4) !== signatures.central) throw refuse('its directory is damaged');
  cursor.take(4);
  const flags = cursor.uint(2);
  const method = cursor.uint(2);
  cursor.take(4);
  const checksum = cursor.uint(4);
  const packed = cursor.uint(4);
  const size = cursor.uint(4);
  const lengths = { name: cursor.uint(2), extra: cursor.uint(2), comment: cursor.uint(2) };
  cursor.take(8);
  const offset = cursor.uint(4);
  const name = cursor.take(lengths.name).toString('utf8');
  const large = largeValues({ size, packed, offset }, cursor.take(lengths.extra), refuse);
  cursor.take(lengths.comment);
  if (flags & 0x41) throw refuse(`its entry ${shown(name)} is encrypted`);
  // These names are never used as paths, but no file of PyTorch has such a name.
  if (name.split(/[/\\]/).includes('..')) throw refuse(`its entry ${shown(name)} points out of it`);
  if (method !== 0) {
    throw refuse(
      `its entry ${shown(name)} is compressed, unlike torch.save's and numpy.savez's: load it there and save it again`,
    );
  }
  if (large.packed !== large.size) throw refuse(`its entry ${shown(name)} has two sizes`);
  return { name, method, checksum, size: large.size, offset: large.offset };
}

/** Values that do not fit into 4 bytes are in an extra field with 8 bytes each, in this order (APPNOTE 4.5.3). */
function largeValues(small: Record<'size' | 'packed' | 'offset', number>, extra: Buffer, refuse: Refuse) {
  const full = 0xffffffff;
  const values = { ...small };
  const cursor = new Cursor(extra, refuse);
  while (extra.length - cursor.at >= 4) {
    const id = cursor.uint(2);
    const field = new Cursor(cursor.take(cursor.uint(2)), refuse);
    if (id !== 1) continue;
    for (const key of ['size', 'packed', 'offset'] as const) if (small[key] === full) values[key] = field.uint64();
  }
  return values;
}

/** The position of an entry's data. */
function locate(file: FileBytes, { name, method, offset }: Entry, refuse: Refuse): number {
  if (offset > file.length) throw refuse(`its entry ${shown(name)} is not where its directory states`);
  const local = new Cursor(upTo(file, offset, localSize), refuse);
  const isHeader = local.uint(4) === signatures.local;
  local.take(4);
  const sameMethod = local.uint(2) === method;
  local.take(16);
  const lengths = { name: local.uint(2), extra: local.uint(2) };
  const rest = new Cursor(upTo(file, offset + localSize, lengths.name + lengths.extra), refuse);
  if (!isHeader || !sameMethod || rest.take(lengths.name).toString('utf8') !== name) {
    throw refuse(`its entry ${shown(name)} is not where its directory states`);
  }
  rest.take(lengths.extra);
  return offset + localSize + rest.at;
}
