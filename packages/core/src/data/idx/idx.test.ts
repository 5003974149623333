import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { temporaryFolder } from '../../../test/temporary-folder';
import { UserError } from '../../system/user-error';
import { refusal } from '../../weights/refusal';
import { idxFile, writeIdxExample } from '../example/idx-files';
import { parseIdx } from './idx-file';
import { looksLikeIdx, openIdx } from './idx-images';

const folder = temporaryFolder();
const kind = {
  name: 'squares',
  title: 'Squares',
  classNames: Array.from({ length: 10 }, (_, i) => `grey ${i}`),
  places: ['', 'raw'],
  from: 'make them',
};
const refuse = refusal('x', 'a file in IDX');

async function pixels(index: number) {
  const { train } = openIdx(folder.path, kind);
  const target = new Uint8Array(28 * 28 * 3);
  await train.read([index], target);
  return target;
}

test('grey images and labels of the four files are read as RGB', async () => {
  writeIdxExample(folder.path);
  const { train, test, classNames } = openIdx(folder.path, kind);
  expect([train.labels.length, test.labels.length, train.size, train.classes]).toEqual([30, 10, 28, 10]);
  expect(Array.from(train.labels.subarray(8, 12))).toEqual([8, 9, 0, 1]);
  expect(classNames[9]).toBe('grey 9');
  const image = await pixels(8);
  const centre = (14 * 28 + 14) * 3;
  expect(Array.from(image.subarray(centre, centre + 3))).toEqual([201, 201, 201]);
  expect(Array.from(image.subarray(0, 3))).toEqual([0, 0, 0]);
});

test('unpacked files, files of other names and a subfolder give the same images', async () => {
  writeIdxExample(folder.path);
  const before = openIdx(folder.path, kind);
  for (const [from, to] of [
    ['train-images-idx3-ubyte', 'train-images.idx3-ubyte'],
    ['t10k-labels-idx1-ubyte', 'test-labels-idx1-ubyte'],
  ] as const) {
    writeFileSync(join(folder.path, to), gunzipSync(readFileSync(join(folder.path, `${from}.gz`))));
    rmSync(join(folder.path, `${from}.gz`));
  }
  expect(openIdx(folder.path, kind).train.fingerprint).toBe(before.train.fingerprint);
  expect(openIdx(folder.path, kind).test.fingerprint).toBe(before.test.fingerprint);
  mkdirSync(join(folder.path, 'set/raw'), { recursive: true });
  for (const name of [
    'train-images.idx3-ubyte',
    'test-labels-idx1-ubyte',
    'train-labels-idx1-ubyte.gz',
    't10k-images-idx3-ubyte.gz',
  ]) {
    renameSync(join(folder.path, name), join(folder.path, 'set/raw', name));
  }
  expect(looksLikeIdx(folder.path, kind)).toBe(false);
  expect(looksLikeIdx(join(folder.path, 'set'), kind)).toBe(true);
  expect(openIdx(join(folder.path, 'set'), kind).train.fingerprint).toBe(before.train.fingerprint);
});

const bytes = (count: number) => new Uint8Array(count).fill(3);

test.each([
  ['nothing', Buffer.alloc(0), 'it has only 0 bytes'],
  ['text', Buffer.from('not an idx file'), 'it does not begin with two zero bytes'],
  ['floats', Buffer.from([0, 0, 0x0d, 3]), 'its numbers are of type 0xd and not bytes'],
  ['labels', idxFile([30], bytes(30)), 'it has 1 dimensions instead of 3'],
  ['a torn header', idxFile([30, 28, 28], bytes(0)).subarray(0, 10), 'it ends within its header'],
  ['a torn file', idxFile([30, 28, 28], bytes(100)), 'it has 100 bytes after its header instead of 30 x 28 x 28'],
  ['too much', idxFile([1, 28, 28], bytes(785)), 'it has 785 bytes after its header instead of 1 x 28 x 28'],
  ['no images', idxFile([0, 28, 28], bytes(0)), 'it is empty'],
  ['torn gzip', gzipSync(idxFile([30, 28, 28], bytes(30 * 784))).subarray(0, 40), 'its compression by gzip is damaged'],
  ['other sizes', idxFile([30, 2, 392], bytes(30 * 784)), 'has images of 2 x 392 pixels: 16 to 512 are read'],
  ['fewer images', idxFile([29, 28, 28], bytes(29 * 784)), 'has 29 images, but'],
])('%s instead of images: one sentence', (_, content, sentence) => {
  writeIdxExample(folder.path);
  writeFileSync(join(folder.path, 'train-images-idx3-ubyte.gz'), content);
  expect(() => openIdx(folder.path, kind)).toThrow(sentence);
});

test('labels without a class, missing files and a file as the folder: one sentence', () => {
  writeIdxExample(folder.path);
  writeFileSync(join(folder.path, 'train-labels-idx1-ubyte.gz'), idxFile([30], bytes(30).fill(10, 7, 8)));
  expect(() => openIdx(folder.path, kind)).toThrow('has the label 10 at 7, but Squares has labels 0 to 9');
  rmSync(join(folder.path, 'train-labels-idx1-ubyte.gz'));
  rmSync(join(folder.path, 't10k-images-idx3-ubyte.gz'));
  expect(() => openIdx(folder.path, kind)).toThrow(
    'lacks train-labels-idx1-ubyte, t10k-images-idx3-ubyte (with or without .gz) of Squares: make them.',
  );
  expect(() => openIdx(join(folder.path, 't10k-labels-idx1-ubyte.gz'), kind)).toThrow(
    'is a compressed file and not a folder',
  );
});

test('what is read is what was written, and anything else is refused in a sentence', () => {
  const whole = idxFile(
    [3, 4, 5],
    Uint8Array.from({ length: 60 }, (_, i) => i),
  );
  fc.assert(
    fc.property(fc.array(fc.nat(6), { minLength: 1, maxLength: 3 }), (shape) => {
      const count = shape.reduce((product, length) => product * length, 1);
      fc.pre(count > 0);
      const values = Uint8Array.from({ length: count }, (_, i) => i);
      expect(parseIdx(idxFile(shape, values), shape.length, refuse)).toEqual({ shape, values });
    }),
    { seed: 1 },
  );
  const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255), length: fc.nat(whole.length) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const mangled = Buffer.from(whole);
      for (const { at, byte } of changes) mangled[at] = byte;
      try {
        const { shape, values } = parseIdx(mangled.subarray(0, changes[0]?.length), 3, refuse);
        expect(values.length).toBe(shape.reduce((product, length) => product * length, 1));
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
      }
    }),
    { seed: 1, numRuns: 10_000 },
  );
});
