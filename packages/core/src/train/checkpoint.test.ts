import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { NamedValues } from '../runtime/state';
import { columnsOf, type GivenValues, type StoredValues } from '../runtime/stored-values';
import { UserError } from '../system/user-error';
import { readCheckpoint, writeCheckpoint } from './checkpoint';

const folder = mkdtempSync(join(tmpdir(), 'headshare-checkpoint-'));
const file = join(folder, 'net.safetensors');
afterAll(() => rmSync(folder, { recursive: true }));

const tensors = new Map<string, NamedValues>([
  ['conv1.weight', { shape: [1, 1, 2, 2], values: Float32Array.of(1, -0, Number.NaN, 3.4e38) }],
  ['scale', { shape: [], values: Float32Array.of(2) }],
  ['none', { shape: [0, 3], values: new Float32Array(0) }],
]);
const metadata = { epoch: 3, sums: { loss: 0.1 + 0.2 }, text: 'naïve “quotes”' };

/** Writes a file with this header and this many zero bytes of data. */
function handMade(header: unknown, bytes: number): void {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(file, Buffer.concat([length, json, Buffer.alloc(bytes)]));
}
const __metadata__ = { headshare: '{}' };
const tensor = (shape: readonly number[], from: number, to: number, dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [from, to],
});

test('values are read back to the bit', () => {
  writeCheckpoint(file, { tensors, metadata });
  const read = readCheckpoint(file);
  expect(read.metadata).toEqual(metadata);
  expect([...read.tensors]).toEqual([...tensors]);
  const bits = ({ tensors: all }: Pick<typeof read, 'tensors'>) =>
    [...all.values()].map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  expect(bits(read)).toEqual(bits({ tensors }));
  expect(readdirSync(folder)).toEqual(['net.safetensors']);
});

test('the file is safetensors: tensors start at a multiple of 8, in order, without gaps', () => {
  writeCheckpoint(file, { tensors, metadata });
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  expect(length % 8).toBe(0);
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  expect(header['conv1.weight']).toEqual(tensor([1, 1, 2, 2], 0, 16));
  expect(header.scale).toEqual(tensor([], 16, 20));
  expect(bytes.length).toBe(8 + length + 20);
});

test('tables stay in the file until they are read, and are checked like the rest', () => {
  const table = { shape: [3, 4], values: Float32Array.from({ length: 12 }, (_, i) => i) };
  writeCheckpoint(file, { tensors: new Map([...tensors, ['table', table]]), metadata });
  const read = readCheckpoint(file, (name) => name === 'table');
  expect([...read.tensors.keys()]).toEqual([...tensors.keys()]);
  const stored = read.tables.get('table') as StoredValues;
  expect(stored.shape).toEqual([3, 4]);
  expect([...stored.read(3, 6)]).toEqual([3, 4, 5]);
  expect([...columnsOf(stored, { from: 1, count: 2 }).values]).toEqual([1, 2, 5, 6, 9, 10]);
  // Written again from the file, the same bytes.
  const bytes = readFileSync(file);
  const copy = join(folder, 'copy.safetensors');
  writeCheckpoint(copy, { tensors: new Map<string, GivenValues>([...read.tensors, ...read.tables]), metadata });
  expect(readFileSync(copy).equals(bytes)).toBe(true);
  rmSync(copy);
  bytes.writeFloatLE(7, bytes.length - 4);
  writeFileSync(file, bytes);
  expect(() => readCheckpoint(file, (name) => name === 'table')).toThrow('does not match its checksum');
  writeCheckpoint(file, { tensors, metadata });
  expect(() => stored.read(0, 1)).toThrow(`The checkpoint ${file} cannot be read: it was replaced while it was read.`);
});

test('only the values of a view into a larger buffer are written', () => {
  const values = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
  writeCheckpoint(file, { tensors: new Map([['w', { shape: [2], values }]]), metadata });
  expect(readCheckpoint(file).tensors.get('w')?.values).toEqual(Float32Array.of(2, 3));
});

test.each([
  ['fewer bytes than the length field', () => writeFileSync(file, 'short'), 'it has 5 bytes'],
  ['a header that runs past the end', () => writeFileSync(file, Buffer.alloc(9, 255)), 'runs past its end'],
  ['a header that is not JSON', () => handMade('{"a":', 0), 'not a JSON object'],
  ['a header that is a list', () => handMade([], 0), 'not a JSON object'],
  ['no headshare metadata in the header', () => handMade({}, 0), 'no headshare metadata'],
  ['metadata that is not JSON', () => handMade({ __metadata__: { headshare: '{' } }, 0), 'no headshare metadata'],
  ['an entry that is null', () => handMade({ __metadata__, w: null }, 0), 'header entry w is malformed'],
  ['a negative size', () => handMade({ __metadata__, w: tensor([-1], 0, 4) }, 4), 'header entry w is malformed'],
  ['reversed offsets', () => handMade({ __metadata__, w: tensor([1], 4, 0) }, 4), 'header entry w is malformed'],
  [
    'an unsupported type',
    () => handMade({ __metadata__, w: tensor([1], 0, 2, 'BF16') }, 2),
    'w is bfloat16, but checkpoints hold only float32',
  ],
  [
    'a shape larger than the data',
    () => handMade({ __metadata__, w: tensor([2], 0, 4) }, 4),
    'the bytes of w are not all there',
  ],
  [
    'offsets past the end',
    () => handMade({ __metadata__, w: tensor([2], 4, 12) }, 8),
    'the bytes of w are not all there',
  ],
  [
    'an enormous shape',
    () => handMade({ __metadata__, w: tensor([2 ** 52, 2 ** 52], 0, 8) }, 8),
    'the bytes of w are not',
  ],
  ['tensors that overlap', () => handMade({ __metadata__, v: tensor([1], 0, 4), w: tensor([1], 0, 4) }, 4), 'overlap'],
  [
    'bytes after the last tensor',
    () => handMade({ __metadata__, w: tensor([1], 0, 4) }, 9),
    '5 bytes at its end belong to no tensor',
  ],
])('a damaged file is named in the error: %s', (_, damage, why) => {
  damage();
  expect(() => readCheckpoint(file)).toThrow(UserError);
  expect(() => readCheckpoint(file)).toThrow(`The checkpoint ${file} is damaged: `);
  expect(() => readCheckpoint(file)).toThrow(why);
});

test('a missing file or a folder cannot be read', () => {
  expect(() => readCheckpoint(join(folder, 'absent'))).toThrow(/absent cannot be read: ENOENT/);
  expect(() => readCheckpoint(folder)).toThrow(/cannot be read: EISDIR/);
});

test('a file with changed bytes is either read or refused with a UserError', () => {
  writeCheckpoint(file, { tensors, metadata });
  const good = readFileSync(file);
  const mutation = fc.record({
    changes: fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }),
    // Digits, quotes and brackets in the header reach more checks than random bytes.
    edits: fc.array(fc.tuple(fc.integer({ min: 8, max: 320 }), fc.constantFrom(...'0123456789[]{}",:-e')), {
      maxLength: 4,
    }),
    length: fc.option(fc.nat(good.length + 16)),
  });
  let refused = 0;
  fc.assert(
    fc.property(mutation, ({ changes, edits, length }) => {
      const bytes = Buffer.concat([good, Buffer.alloc(16)]).subarray(0, length ?? good.length);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      for (const [at, text] of edits) if (at < bytes.length) bytes.write(text, at);
      writeFileSync(file, bytes);
      try {
        const { tensors: read } = readCheckpoint(file);
        const size = [...read.values()].reduce((sum, { values }) => sum + values.byteLength, 0);
        if (size > bytes.length) throw new Error(`${size} bytes out of ${bytes.length}`);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        refused++;
      }
    }),
    { numRuns: 2000, seed: 1 },
  );
  expect(refused).toBeGreaterThan(1000);
});

describe('when a new checkpoint cannot be written', () => {
  const large = { tensors: new Map([['w', { shape: [1 << 18], values: new Float32Array(1 << 18) }]]), metadata };

  /** A file system of 256 KiB; undefined if this process may not mount one. */
  function smallDisk(): string | undefined {
    const disk = mkdtempSync(join(tmpdir(), 'headshare-disk-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk], { stdio: 'ignore' });
      return disk;
    } catch {
      rmSync(disk, { recursive: true });
      return undefined;
    }
  }
  const disk = smallDisk();
  const onDisk = disk === undefined ? test.skip : test;
  afterAll(() => {
    if (disk === undefined) return;
    execFileSync('umount', [disk]);
    rmSync(disk, { recursive: true });
  });

  onDisk('because the disk is full, the previous one remains (skipped where no disk can be mounted)', () => {
    const target = join(disk ?? '', 'last.safetensors');
    const first = `The disk is full: ${target} could not be written.`;
    expect(() => writeCheckpoint(target, large)).toThrow(new UserError(first, 1));
    writeCheckpoint(target, { tensors, metadata });
    const error = `The disk is full: ${target} could not be written; the previous file is unchanged.`;
    expect(() => writeCheckpoint(target, large)).toThrow(new UserError(error, 1));
    expect(readCheckpoint(target).metadata).toEqual(metadata);
    expect(readdirSync(disk ?? '')).toEqual(['last.safetensors']);
  });

  onDisk('because the file system is read-only, the folder is named', () => {
    const target = join(disk ?? '', 'last.safetensors');
    execFileSync('mount', ['-o', 'remount,ro', disk ?? '']);
    expect(() => writeCheckpoint(target, large)).toThrow(
      `${disk} cannot be written to (EROFS): ${target} was not saved`,
    );
    expect(readCheckpoint(target).metadata).toEqual(metadata);
  });

  // The superuser may write anywhere.
  (process.getuid?.() === 0 ? test.skip : test)('because the folder may not be written to, it is named', () => {
    const closed = join(folder, 'closed');
    mkdirSync(closed, { mode: 0o500 });
    expect(() => writeCheckpoint(join(closed, 'a'), large)).toThrow(`${closed} cannot be written to (EACCES)`);
    chmodSync(closed, 0o700);
  });

  test('into a missing folder, the error names it', () => {
    const target = join(folder, 'nowhere/last.safetensors');
    expect(() => writeCheckpoint(target, large)).toThrow(`The folder ${join(folder, 'nowhere')} does not exist`);
  });

  test('because something blocks the path, no partial file is left', () => {
    const target = join(folder, 'taken');
    mkdirSync(join(target, 'inside'), { recursive: true });
    expect(() => writeCheckpoint(target, { tensors, metadata })).toThrow(/EISDIR|ENOTEMPTY|EEXIST|EPERM/);
    expect(existsSync(`${target}.partial`)).toBe(false);
  });
});
