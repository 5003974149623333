/** A file with any changed bytes is read or refused with a UserError. */
import fc from 'fast-check';
import { UserError } from '../../system/user-error';
import { refusal } from '../../weights/refusal';
import { ByteArray, type Picklable, pickle } from '../example/pickle-writer';
import { cifarKinds } from './kinds';
import { pickledBatch, pickledNames } from './pickled-batch';
import { binaryBatch, type CifarBatch } from './records';

const refuse = refusal('train', 'images');
const options = { seed: 1, numRuns: 2000 };

/** Whether `read` throws a UserError. @throws other errors, and an Error for labels out of range */
function refused(read: () => CifarBatch | string[]): boolean {
  try {
    const content = read();
    if (Array.isArray(content)) return false;
    for (let i = 0; i < content.count; i++) {
      if (content.pixels(i).length !== 3072) throw new Error(`image ${i} has ${content.pixels(i).length} bytes`);
      if (!(content.fine(i) >= 0 && content.fine(i) < 100)) throw new Error(`label ${content.fine(i)}`);
    }
    return false;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return true;
  }
}

const values = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 6 }),
  fc
    .constantFrom(...'(.012FGIJKMNRSTUXB\x85\x86\x87\x88\x89\x93abceghijlopqrstu}])')
    .map((code) => Buffer.from(code, 'latin1')),
);
const edits = fc.array(
  fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), bytes: values }),
  {
    minLength: 1,
    maxLength: 4,
  },
);

for (const python of [2, 3] as const) {
  test(`pickles of Python ${python}`, () => {
    const content = new Map<string, Picklable>([
      ['fine_labels', [1, 99]],
      ['coarse_labels', [0, 19]],
      ['data', new ByteArray([2, 3072], new Uint8Array(6144))],
    ]);
    const good = pickle(content, python);
    const names = pickle(new Map([['names', ['a', 'b']]]), python);
    // Pixels may have any byte.
    const pixels = good.indexOf(Buffer.alloc(6144));
    let count = 0;
    expect(refused(() => pickledBatch(good, cifarKinds.cifar100, refuse))).toBe(false);
    fc.assert(
      fc.property(edits, fc.boolean(), (changes, whole) => {
        const bytes = Buffer.from(whole ? good : names);
        for (const { at, bytes: given } of changes) {
          const offset = Math.floor(at * (whole ? pixels : bytes.length));
          bytes.set(given.subarray(0, bytes.length - offset), offset);
        }
        if (
          refused(() =>
            whole ? pickledBatch(bytes, cifarKinds.cifar100, refuse) : pickledNames(bytes, 'names', refuse),
          )
        )
          count++;
      }),
      options,
    );
    expect(count).toBeGreaterThan(500);
  });
}

test('records of any length and label', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), fc.uint8Array({ maxLength: 50 }), (length, start) => {
      const bytes = new Uint8Array(length);
      bytes.set(start.subarray(0, length));
      refused(() => binaryBatch(bytes, cifarKinds.cifar100, refuse));
    }),
    options,
  );
});
