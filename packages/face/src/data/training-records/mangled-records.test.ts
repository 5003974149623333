/** Fuzzes files: whatever their bytes, they are read or cause a UserError. */
import { frame, magic } from '@headshare/core/data/record-io/frame';
import { parseRecordIndex, type RecordIndex, recordIndexText } from '@headshare/core/data/record-io/index-file';
import { packImage } from '@headshare/core/data/record-io/record-image';
import { sides } from '@headshare/core/system/image-size';
import { UserError } from '@headshare/core/system/user-error';
import { bytesInMemory } from '@headshare/core/test/record-cases';
import { refusal } from '@headshare/core/weights/refusal';
import fc from 'fast-check';
import { listByIdentities } from './list-by-identities';
import { listByScan } from './list-by-scan';
import { parseProperty } from './property';
import type { RecordListing } from './record-listing';

const refuse = refusal('train.rec', 'a training set');
const options = { seed: 1, numRuns: 10_000 };

const records = [
  ...[0, 0, 1, 1, 2].map((label, i) => packImage({ label, id: i + 1, image: Buffer.alloc(5 * i + 1, i) })),
  ...[
    [1, 3],
    [3, 5],
    [5, 6],
  ].map((label, i) => packImage({ label, id: i + 6 })),
  packImage({ label: [6, 9], id: 0, id2: 1 }),
].map(frame);
const bytes = Buffer.concat(records);
const index = {
  keys: Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 0),
  offsets: Float64Array.from(records, (_, i) => Buffer.concat(records.slice(0, i)).length),
};

const named = (content: RecordIndex) => ({ path: 'train.idx', content });

/** Whether it was refused. @throws for any other error than a UserError, and for a listing that points outside the file */
async function refused(read: () => Promise<Pick<RecordListing, 'offsets' | 'lengths' | 'labels'> | undefined>) {
  try {
    const listing = await read();
    for (const [i, offset] of (listing?.offsets ?? []).entries()) {
      const end = offset + (listing?.lengths[i] as number);
      if (end > bytes.length || (listing?.labels[i] as number) < 0) throw new Error(`image ${i} ends at ${end}`);
    }
    return listing === undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return true;
  }
}

const marks = fc.constantFrom(0, 1, 2, 3).map((kind) => {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(magic);
  head.writeUInt32LE(((kind << 29) | 40) >>> 0, 4);
  return head;
});

test('records with changed bytes are read or cause a UserError', async () => {
  const edits = fc.array(
    fc.tuple(fc.nat(bytes.length - 1), fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 5 }), marks)),
    {
      minLength: 1,
      maxLength: 4,
    },
  );
  expect(await refused(() => listByIdentities(bytesInMemory(bytes), bytesInMemory(bytes), index))).toBe(false);
  let [quick, scanned] = [0, 0];
  await fc.assert(
    fc.asyncProperty(edits, async (changes) => {
      const changed = Buffer.from(bytes);
      for (const [at, given] of changes) changed.set(given.subarray(0, bytes.length - at), at);
      const source = bytesInMemory(changed);
      if (await refused(() => listByIdentities(source, source, index))) quick++;
      if (await refused(() => listByScan(source, { index: named(index), refuse }))) scanned++;
      await refused(() => listByScan(source, { refuse }));
    }),
    options,
  );
  expect(quick).toBeGreaterThan(2000);
  expect(scanned).toBeGreaterThan(500);
});

test('indices with changed letters are read or cause a UserError', async () => {
  const text = Buffer.from(recordIndexText(index));
  const letters = fc.constantFrom(...'0123456789\t\n -x\r').map((letter) => letter.charCodeAt(0));
  const edits = fc.array(fc.tuple(fc.nat(text.length - 1), fc.oneof(letters, fc.nat(255))), {
    minLength: 1,
    maxLength: 4,
  });
  let count = 0;
  const source = bytesInMemory(bytes);
  await fc.assert(
    fc.asyncProperty(edits, fc.option(fc.nat(text.length), { freq: 5 }), async (changes, cut) => {
      const changed = Buffer.from(text);
      for (const [at, letter] of changes) changed[at] = letter;
      const given = bytesInMemory(changed.subarray(0, cut ?? text.length));
      const wrong = await refused(async () => {
        const found = await parseRecordIndex(given, 'train.idx', bytes.length);
        return (await listByIdentities(source, source, found)) ?? listByScan(source, { index: named(found), refuse });
      });
      if (wrong) count++;
    }),
    options,
  );
  expect(count).toBeGreaterThan(3000);
});

test('properties of any text are read or cause a UserError', async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: fc.constantFrom(...'0123456789,,. -ex\n') }), async (text) => {
      const wrong = await refused(async () => {
        const { identities, size } = parseProperty(text, refuse);
        const { height, width } = sides(size);
        if (!(identities > 0 && height > 0 && width > 0)) throw new Error(`${identities}, ${size}`);
        return { offsets: new Float64Array(), lengths: new Uint32Array(), labels: new Int32Array() };
      });
      if (wrong) count++;
    }),
    options,
  );
  expect(count).toBeGreaterThan(5000);
});
