import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { UserError } from '../system/user-error';
import { bytesInPieces, onDisk, withBytesOf } from './file-bytes';
import { refusal, withFile } from './refusal';
import { openZip } from './torch/zip-archive';

const folder = mkdtempSync(join(tmpdir(), 'headshare-file-bytes-'));
const file = join(folder, 'bytes');
afterAll(() => rmSync(folder, { recursive: true }));

const unreadable = (why: string) => new UserError(`unreadable: ${why}`);

test('bytes are read in pieces of at most so many', () => {
  const content = Buffer.from(Array.from({ length: 23 }, (_, i) => i));
  writeFileSync(file, content);
  const descriptor = openSync(file, 'r');
  for (const most of [1, 5, 23, 100]) {
    const all = onDisk(descriptor, content.length, unreadable, most);
    expect(all.bytes(0, 23)).toEqual(content);
    expect(all.bytes(7, 18)).toEqual(content.subarray(7, 18));
    expect(all.view(7, 18).getUint8(10)).toBe(17);
  }
  closeSync(descriptor);
});

test('a file that is cut short while it is read is refused', () => {
  writeFileSync(file, Buffer.alloc(20));
  const read = () =>
    withBytesOf(file, unreadable, (bytes) => {
      truncateSync(file, 10);
      return bytes.bytes(0, 20);
    });
  expect(read).toThrow(new UserError('unreadable: it was cut short while it was read'));
});

test('numbers are given as bytes in pieces, not copied', () => {
  const numbers = Float32Array.of(1, 2, 3, 4).subarray(1);
  const pieces = [...bytesInPieces(numbers, 8)];
  expect(pieces.map(({ length }) => length)).toEqual([8, 4]);
  expect(Buffer.concat(pieces).readFloatLE(8)).toBe(4);
  expect(pieces.every(({ buffer }) => buffer === numbers.buffer)).toBe(true);
});

test('an entry that starts behind 2 GiB of a zip archive is read', () => {
  // A hole, an entry of 5 bytes, the directory with both; sizes and positions of zip64 are not needed below 4 GiB.
  const hole = 2 ** 31 + 1000;
  const data = Buffer.from('small');
  const fields = (name: string, size: number, sum: number) => {
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    head.writeUInt32LE(sum, 10);
    head.writeUInt32LE(size, 14);
    head.writeUInt32LE(size, 18);
    head.writeUInt16LE(name.length, 22);
    return head;
  };
  const local = (name: string, size: number, sum: number) =>
    Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields(name, size, sum), Buffer.from(name)]);
  const central = (name: string, size: number, sum: number, at: number) => {
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    const start = Buffer.from('PK\x01\x02\x14\0', 'latin1');
    return Buffer.concat([start, fields(name, size, sum), rest, Buffer.from(name)]);
  };
  const second = local('hole', hole, 0).length + hole;
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  const directory = [central('hole', hole, 0, 0), central('data', data.length, crc32(data), second)];
  const directoryAt = second + local('data', 0, 0).length + data.length;
  end.writeUInt16LE(2, 8);
  end.writeUInt16LE(2, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(directoryAt, 16);
  const descriptor = openSync(file, 'w');
  writeSync(descriptor, local('hole', hole, 0), 0, undefined, 0);
  ftruncateSync(descriptor, second);
  const tail = Buffer.concat([local('data', data.length, crc32(data)), data, ...directory, end]);
  writeSync(descriptor, tail, 0, undefined, second);
  closeSync(descriptor);
  const text = withFile(file, (bytes) => openZip(bytes, refusal(file, 'a zip')).read('data')?.toString());
  expect(text).toBe('small');
  rmSync(file);
});
