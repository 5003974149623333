/** Fuzzes files: whatever their bytes, they are read or cause a UserError. */
import { readdirSync, readFileSync } from 'node:fs';
import { UserError } from '@headshare/core/system/user-error';
import { refusal } from '@headshare/core/weights/refusal';
import fc from 'fast-check';
import { faceCase } from '../../../test/face-cases';
import { readPairsFile } from './pairs-file';
import { readPickledSet } from './pickled-set';

const refuse = refusal('file', 'a set');

/** Whether it was refused. @throws for any other error than a UserError */
function refused(read: () => void): boolean {
  try {
    read();
    return false;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return true;
  }
}

/** Byte positions of a pickle outside its images, where an edit changes its meaning. */
function besideImages(bytes: Buffer): number[] {
  const { images } = readPickledSet(bytes, refuse);
  const inside = new Uint8Array(bytes.length);
  for (const image of images) {
    const at = image.byteOffset - bytes.byteOffset;
    inside.fill(1, at, at + image.length);
  }
  return Array.from(inside.keys()).filter((i) => inside[i] === 0);
}

const values = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 6 }),
  fc
    .constantFrom(...'(.012FGIJKMNRSTUXBC\x85\x86\x87\x88\x89\x8c\x93\x94\x95\x96abceghijlopqrstu}])')
    .map((code) => Buffer.from(code, 'latin1')),
);

test.each(readdirSync(faceCase('bin')).filter((name) => name.endsWith('.bin')))('%s with changed bytes', (name) => {
  const good = readFileSync(faceCase(`bin/${name}`));
  const places = besideImages(good);
  const edits = fc.array(fc.tuple(fc.nat(places.length - 1), values), { minLength: 1, maxLength: 4 });
  let count = 0;
  fc.assert(
    fc.property(edits, fc.option(fc.nat(good.length), { freq: 10 }), (changes, cut) => {
      const undo: (readonly [number, Buffer])[] = [];
      for (const [place, given] of changes) {
        const at = places[place] as number;
        undo.push([at, Buffer.from(good.subarray(at, at + given.length))]);
        good.set(given.subarray(0, good.length - at), at);
      }
      if (refused(() => readPickledSet(good.subarray(0, cut ?? good.length), refuse))) count++;
      for (const [at, bytes] of undo.reverse()) good.set(bytes, at);
    }),
    { seed: 1, numRuns: 2000 },
  );
  expect(count).toBeGreaterThan(1000);
});

test('a list of pairs with changed letters', () => {
  const fold = 'Ann_A\t1\t3\nBo_B\t1\t2\nAnn_A\t2\tBo_B\t1\nBo_B\t2\tAnn_A\t1\n';
  const good = `3\t2\n${fold.repeat(3)}`;
  const letters = fc.array(fc.tuple(fc.nat(good.length - 1), fc.constantFrom(...'\t\n 019aB_./\\\0-é')), {
    minLength: 1,
    maxLength: 4,
  });
  let count = 0;
  fc.assert(
    fc.property(letters, fc.boolean(), (changes, cut) => {
      const text = changes.reduce((all, [at, letter]) => all.slice(0, at) + letter + all.slice(at + 1), good);
      if (refused(() => readPairsFile(cut ? text.slice(0, changes[0]?.[0]) : text, refuse))) count++;
    }),
    { seed: 1, numRuns: 10_000 },
  );
  expect(count).toBeGreaterThan(5000);
});
