/**
 * Reads zip archives of PyTorch (PKWARE's APPNOTE 6.3.9): stored entries, with zip64 for large sizes. The central directory at
 * the end lists the entries.
 */
import { crc32 } from 'node:zlib';
import { Cursor } from '../cursor';
import { type Refuse, shown } from '../refusal';

export interface ZipArchive {
  readonly names: readonly string[];
  /** An entry's bytes, not copied; undefined for an unknown name. @throws UserError when the checksum does not match */
  read(name: string): Buffer | undefined;
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
const locator64Size = 20;
// Far more than the tensors of any network.
const mostEntries = 200_000;

/** @throws UserError for archives that are damaged, compressed, encrypted or forged */
export function openZip(bytes: Buffer, refuse: Refuse): ZipArchive {
  const directory = findDirectory(bytes, refuse);
  const entries = readDirectory(bytes, directory, refuse);
  const found = new Map<string, Buffer>();
  let free = 0;
  for (const entry of [...entries.values()].sort((a, b) => a.offset - b.offset)) {
    const data = locate(bytes, entry, refuse);
    if (entry.offset < free) throw refuse(`its entry ${shown(entry.name)} overlaps another one`);
    free = data.at + entry.size;
    if (free > directory.offset) throw refuse(`its entry ${shown(entry.name)} runs past its end`);
    found.set(entry.name, data.take(entry.size));
  }
  return {
    names: [...entries.keys()],
    read(name) {
      const data = found.get(name);
      const checksum = entries.get(name)?.checksum;
      // PyTorch writes 0 where checksums are switched off.
      if (data && checksum && crc32(data) !== checksum) {
        throw refuse(`the bytes of its entry ${shown(name)} do not match their checksum`);
      }
      return data;
    },
  };
}

interface Directory {
  readonly offset: number;
  readonly size: number;
  readonly entries: number;
}

function findDirectory(bytes: Buffer, refuse: Refuse): Directory {
  const at = findEnd(bytes);
  if (at === undefined) throw refuse('its end is missing: the file may be incomplete');
  const end = new Cursor(bytes, refuse, at + 4);
  const disks = [end.uint(2), end.uint(2)];
  end.take(2);
  let directory: Directory = { entries: end.uint(2), size: end.uint(4), offset: end.uint(4) };
  if (disks.some((disk) => disk !== 0)) throw refuse('it is one part of several');
  const locator = at - locator64Size;
  let limit = at;
  if (locator >= 0 && bytes.readUInt32LE(locator) === signatures.locator64) {
    const end64 = new Cursor(bytes, refuse, new Cursor(bytes, refuse, locator + 8).uint64());
    limit = end64.at;
    if (limit > locator || end64.uint(4) !== signatures.end64)
      throw refuse('its zip64 record is not at the stated position');
    end64.take(8 + 2 + 2 + 4 + 4 + 8);
    directory = { entries: end64.uint64(), size: end64.uint64(), offset: end64.uint64() };
  }
  if (directory.offset + directory.size > limit) throw refuse('its directory runs past its end');
  return directory;
}

/** The position of the record at the end; a comment of up to 65535 bytes, whose length it states, may follow it. */
function findEnd(bytes: Buffer): number | undefined {
  for (let at = bytes.length - endSize; at >= Math.max(0, bytes.length - endSize - 0xffff); at--) {
    if (bytes.readUInt32LE(at) === signatures.end && at + endSize + bytes.readUInt16LE(at + 20) === bytes.length) {
      return at;
    }
  }
  return undefined;
}

function readDirectory(bytes: Buffer, directory: Directory, refuse: Refuse): Map<string, Entry> {
  const cursor = new Cursor(bytes.subarray(0, directory.offset + directory.size), refuse, directory.offset);
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

/** A cursor at the first byte of an entry's data. */
function locate(bytes: Buffer, { name, method, offset }: Entry, refuse: Refuse): Cursor {
  if (offset > bytes.length) throw refuse(`its entry ${shown(name)} is not where its directory states`);
  const local = new Cursor(bytes, refuse, offset);
  const isHeader = local.uint(4) === signatures.local;
  local.take(4);
  const sameMethod = local.uint(2) === method;
  local.take(16);
  const lengths = { name: local.uint(2), extra: local.uint(2) };
  if (!isHeader || !sameMethod || local.take(lengths.name).toString('utf8') !== name) {
    throw refuse(`its entry ${shown(name)} is not where its directory states`);
  }
  local.take(lengths.extra);
  return local;
}
