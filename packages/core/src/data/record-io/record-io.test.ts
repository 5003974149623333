import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { bytesInMemory, recordCase } from '../../../test/record-cases';
import { temporaryFolder } from '../../../test/temporary-folder';
import { frame, magic, unframe } from './frame';
import { readRecordIndex, recordIndexText } from './index-file';
import { packImage, readImageHeader, readRecordImage, readRecordImageSync } from './record-image';
import { type ScannedRecord, scanRecord, scanRecords } from './scan';
import { FileWindow } from './window';

interface Expected {
  readonly records: readonly {
    readonly name: string;
    readonly key: number;
    readonly offset: number;
    readonly len: number;
    readonly sha256: string;
    readonly ir?: { flag: number; label: number | number[]; id: string; id2: string; payload_len: number };
  }[];
}

const expected = JSON.parse(readFileSync(recordCase('edge.expected.json'), 'utf8')) as Expected;
const bytes = readFileSync(recordCase('edge.rec'));
const folder = temporaryFolder();

/** All records and lost bytes of a file, read in small pieces. */
async function scan(content: Uint8Array, { head = 1 << 20, piece = 100 } = {}) {
  const file = join(folder.path, 'scanned.rec');
  writeFileSync(file, content);
  const window = await FileWindow.open(file, piece);
  const records: ScannedRecord[] = [];
  try {
    const visit = (record: ScannedRecord) => records.push({ ...record, head: Buffer.from(record.head) });
    return { records, lost: await scanRecords(window, { visit, head }) };
  } finally {
    await window.close();
  }
}

const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');

test('records of MXNet are read and written, with magic numbers inside', () => {
  for (const { offset, len, sha256: digest } of expected.records) {
    const record = unframe(bytes, offset) as Buffer;
    expect([record.length, sha256(record)]).toEqual([len, digest]);
  }
  expect(frame(new Uint8Array()).length).toBe(8);
  expect(Buffer.concat(expected.records.map(({ offset }) => frame(unframe(bytes, offset) as Buffer)))).toEqual(bytes);
});

test('a scan finds all records with any piece size', async () => {
  for (const piece of [1, 100, 1 << 22]) {
    const { records, lost } = await scan(bytes, { piece });
    expect(lost).toEqual([]);
    expect(records.map(({ offset, length, head }) => [offset, length, sha256(head)])).toEqual(
      expected.records.map(({ offset, len, sha256: digest }) => [offset, len, digest]),
    );
    expect(records.at(-1)?.end).toBe(bytes.length);
  }
  const short = await scan(bytes, { head: 6 });
  expect(short.records.map(({ head }) => [...head])).toEqual(
    expected.records.map(({ offset }) => [...(unframe(bytes, offset) as Buffer).subarray(0, 6)]),
  );
});

test('an index is read and written', async () => {
  const { keys, offsets } = await readRecordIndex(recordCase('edge.idx'), bytes.length);
  expect([...keys]).toEqual(expected.records.map(({ key }) => key));
  expect([...offsets]).toEqual(expected.records.map(({ offset }) => offset));
  expect(recordIndexText({ keys, offsets })).toBe(readFileSync(recordCase('edge.idx'), 'utf8'));
});

test('image headers are read and written', () => {
  for (const { offset, ir } of expected.records) {
    if (!ir) continue;
    const record = unframe(bytes, offset) as Buffer;
    const { flag, label, labels, id, id2, image } = readImageHeader(record);
    expect({
      flag,
      label: flag === 0 ? label : labels,
      id: `${id}`,
      id2: `${id2}`,
      payload_len: record.length - image,
    }).toEqual(ir);
    expect(packImage({ label: ir.label, id, id2, image: record.subarray(image) })).toEqual(record);
  }
});

test('the image of a record is read synchronously and asynchronously', async () => {
  const image = Buffer.concat([Buffer.alloc(70_000, 7), frame(Buffer.of()).subarray(0, 4), Buffer.from('end')]);
  const record = frame(packImage({ label: [1, 2], id: 2 ** 53, image }));
  const file = join(folder.path, 'one.rec');
  writeFileSync(file, Buffer.concat([record, frame(packImage({ label: 1, id: 1 })), record.subarray(0, 100)]));
  for (const length of [record.length, record.length + 40]) {
    expect(readRecordImageSync({ file, offset: 0, length })).toEqual(image);
    expect(await readRecordImage({ file, offset: 0, length })).toEqual(image);
  }
  const at = record.length;
  expect(() => readRecordImageSync({ file, offset: at, length: 32 })).toThrow(
    `The record at byte ${at} of ${file} cannot be read: it has no image`,
  );
  await expect(readRecordImage({ file, offset: at + 32, length: 100 })).rejects.toThrow(
    `The record at byte ${at + 32} of ${file} cannot be read: it does not end within 100 bytes`,
  );
  expect(() => readRecordImageSync({ file, offset: 4, length: 60 })).toThrow('it does not begin with the magic number');
});

test('offsets beyond 32 bits work', async () => {
  const file = join(folder.path, 'large.rec');
  const record = frame(packImage({ label: 1, id: 1, image: Buffer.from('far away') }));
  const offset = 5 * 2 ** 30;
  // A sparse file: the hole takes no disk space.
  const handle = openSync(file, 'w');
  writeSync(handle, record, 0, record.length, offset);
  closeSync(handle);
  expect(readRecordImageSync({ file, offset, length: record.length }).toString()).toBe('far away');
  const window = await FileWindow.open(file, 64);
  expect(await scanRecord(window, offset, 24)).toMatchObject({ offset, end: offset + record.length });
  await window.close();
  const index = join(folder.path, 'large.idx');
  writeFileSync(index, `1\t${offset}\n`);
  expect((await readRecordIndex(index, offset + record.length)).offsets).toEqual(Float64Array.of(offset));
});

describe('after damage, a scan continues:', () => {
  const records = ['first', 'the second', 'a third one'].map((text) => frame(Buffer.from(text)));
  const [one, two] = records.map(({ length }) => length) as [number, number];
  const texts = async (content: Buffer) => {
    const { records: found, lost } = await scan(content);
    return { found: found.map(({ head }) => head.toString()), lost: lost.map(({ from, until }) => [from, until]) };
  };
  const damaged = (change: (content: Buffer) => void) => {
    const content = Buffer.concat(records);
    change(content);
    return content;
  };

  test('a wrong magic number loses one record', async () => {
    expect(await texts(damaged((content) => content.writeUInt32LE(1, one)))).toEqual({
      found: ['first', 'a third one'],
      lost: [[one, one + two]],
    });
  });

  test('a length that is too large loses one record', async () => {
    for (const length of [two + 1, 100, 2 ** 29 - 1]) {
      expect(await texts(damaged((content) => content.writeUInt32LE(length, one + 4)))).toEqual({
        found: ['first', 'a third one'],
        lost: [[one, one + two]],
      });
    }
  });

  test('a cut-off file loses its last record', async () => {
    expect(await texts(damaged(() => undefined).subarray(0, -5))).toEqual({
      found: ['first', 'the second'],
      lost: [[one + two, Buffer.concat(records).length - 5]],
    });
  });
});

test('with any changed bytes, a scan ends and accounts for the whole file', async () => {
  const content = Buffer.concat(
    Array.from({ length: 12 }, (_, i) => frame(packImage({ label: i, id: i, image: Buffer.alloc(i * 3, i) }))),
  );
  const parts = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 5 }),
    fc.constantFrom(0, 1, 2, 3, 7).map((kind) => {
      const head = Buffer.alloc(8);
      head.writeUInt32LE(magic);
      head.writeUInt32LE(((kind << 29) | 12) >>> 0, 4);
      return head;
    }),
  );
  const edits = fc.array(fc.tuple(fc.nat(content.length - 1), parts), { minLength: 1, maxLength: 4 });
  let lossy = 0;
  await fc.assert(
    fc.asyncProperty(edits, fc.nat(content.length), fc.boolean(), async (changes, length, whole) => {
      const changed = Buffer.from(content);
      for (const [at, given] of changes) changed.set(given.subarray(0, content.length - at), at);
      const window = bytesInMemory(whole ? changed : changed.subarray(0, length));
      let covered = 0;
      const lost = await scanRecords(window, {
        head: 40,
        visit: ({ offset, end }) => {
          covered += end - offset;
        },
      });
      for (const { from, until } of lost) covered += until - from;
      if (lost.length > 0) lossy++;
      // The last record may lack its padding.
      const over = covered - window.size;
      if (over < 0 || over > 3) throw new Error(`${covered} of ${window.size} bytes are accounted for`);
      for (let at = 0; at < window.size; at += 16) await scanRecord(window, at, 40);
    }),
    { seed: 1, numRuns: 10_000 },
  );
  expect(lossy).toBeGreaterThan(5000);
});

test.each([
  ['lines of Windows', '7\t0\r\n3\t40\r\n'],
  ['spaces', '7 0\n 3   40 \n'],
  ['a byte order mark', '\ufeff7\t0\n3\t40\n'],
  ['empty lines, and no end of the last line', '\n7\t0\n\n3\t40'],
])('an index with %s is read', async (_, text) => {
  const file = join(folder.path, 'x.idx');
  writeFileSync(file, text);
  expect(await readRecordIndex(file, 100)).toEqual({ keys: Float64Array.of(7, 3), offsets: Float64Array.of(0, 40) });
});

test.each([
  ['1\t0\n2\n', 'line 2 is not <key>, a tab and <offset>'],
  ['1\t0\nx\t8\n', 'line 2 is not <key>, a tab and <offset>'],
  ['1\t2\n', '1 of its 1 offsets are not the start of a record, the first is byte 2 of key 1'],
  [
    '7\t0\r\n3\t400\r\n4\t8\r\n5\t100',
    '2 of its 4 offsets are not the start of a record, the first is byte 400 of key 3, and the records end at byte 100; ',
  ],
  ['1\t0\t8\n', 'line 1 is not <key>, a tab and <offset>'],
  ['1\t0\tperson/1.jpg\n', 'line 1 is not <key>, a tab and <offset>'],
  ['1,0\n', 'line 1 is not <key>, a tab and <offset>'],
  ['1\t0\n\n-1\t4\n', 'line 3 is not <key>, a tab and <offset>'],
  ['1\r2\t0\n', 'line 1 is not <key>, a tab and <offset>'],
  ['\ufeff1\t0\n2\t0x\n', 'line 2 is not <key>, a tab and <offset>'],
  ['1\t0\n2\t\n', 'line 2 is not <key>, a tab and <offset>'],
  ['1\t9999999999999999\n', 'line 1 has a number of more than 15 digits'],
  ['', 'is empty'],
])('an index of %j is refused', async (text, sentence) => {
  const file = join(folder.path, 'x.idx');
  writeFileSync(file, text);
  await expect(readRecordIndex(file, 100)).rejects.toThrow(sentence);
});
