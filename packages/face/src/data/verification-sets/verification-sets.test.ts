import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ByteArray, type Picklable, PickledPair, pickle } from '@headshare/core/data/example/pickle-writer';
import { pipelineDataset } from '@headshare/core/data/pipeline/pipeline-dataset';
import { readImage } from '@headshare/core/data/sources/image-source';
import { temporaryFolder } from '@headshare/core/test/temporary-folder';
import sharp from 'sharp';
import { faceCase, faceCaseJson } from '../../../test/face-cases';
import { openBinSet } from './bin-set';
import { openVerificationSets } from './find-sets';
import { countPairs } from './verification-set';

const folder = temporaryFolder();
interface Expected {
  readonly pairs: number;
  readonly issame: number[];
  readonly image_sha256: string[];
  readonly files: readonly { readonly file: string }[];
}
const expected = faceCaseJson<Expected>('bin/expected.json');

const sets = readdirSync(faceCase('bin')).filter((name) => name.endsWith('.bin'));

test.each(sets)('%s, written like one of the published sets, is read', async (name) => {
  const file = faceCase(`bin/${name}`);
  const { images, pairs } = openBinSet(file);
  expect(Array.from(pairs.same)).toEqual(expected.issame);
  const last = expected.pairs - 1;
  expect([pairs.left[last], pairs.right[last], pairs.folds]).toEqual([2 * last, 2 * last + 1, 10]);
  expect(images.labels.length).toBe(2 * expected.pairs);
  const digests: string[] = [];
  for (let i = 0; i < images.labels.length; i++) {
    // Images are read from the file itself, and not kept in memory.
    expect(images.locate(i).bytes).toBeUndefined();
    digests.push(
      createHash('sha256')
        .update(await readImage(images.locate(i)))
        .digest('hex'),
    );
  }
  expect(digests).toEqual(expected.image_sha256);
});

test('all files are read', () => expect(sets).toEqual(expected.files.map(({ file }) => file).sort()));

const write = (name: string, content: Uint8Array | string) => {
  const file = join(folder.path, name);
  writeFileSync(file, content);
  return file;
};

const setOf = (images: readonly Picklable[], same: readonly Picklable[]) => pickle(new PickledPair([images, same]));

test('an image that the file holds as text is read', async () => {
  // Python 3 at protocol 2 writes an array's bytes as Latin-1 text in UTF-8.
  const image = Buffer.from(Array.from({ length: 300 }, (_, i) => i % 256));
  const text = Buffer.from(image.toString('latin1'), 'utf8');
  const head = Buffer.alloc(5);
  head.write('X');
  head.writeUInt32LE(text.length, 1);
  const encoded = [Buffer.from('c_codecs\nencode\n'), head, text, Buffer.from('X\x06\0\0\0latin1\x86R', 'latin1')];
  const bytes = Buffer.concat([
    Buffer.from('\x80\x02](', 'latin1'),
    ...Array.from({ length: 20 }, () => Buffer.concat(encoded)),
    Buffer.from(`e](${'\x88\x89'.repeat(5)}e\x86.`, 'latin1'),
  ]);
  const set = openBinSet(write('text.bin', bytes));
  expect(await readImage(set.images.locate(19))).toEqual(image);
  expect(countPairs(set.pairs)).toEqual({ pairs: 10, same: 5 });
});

test('labels may be an array of whole numbers', () => {
  const int64 = Buffer.alloc(80);
  for (let i = 0; i < 10; i += 2) int64.writeBigInt64LE(1n, 8 * i);
  const parts = [
    '\x80\x02](',
    'U\x04jpeg'.repeat(20),
    'ecnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tU\x01btR',
    '(K\x01(K\x0atcnumpy\ndtype\n(U\x02i8K\0K\x01tR(K\x03U\x01<NNNK\0K\0K\0tb\x89U\x50',
    int64.toString('latin1'),
    'tb\x86.',
  ];
  const { pairs } = openBinSet(write('labels.bin', Buffer.from(parts.join(''), 'latin1')));
  expect(Array.from(pairs.same)).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
});

const jpegs = (count: number) => Array.from({ length: count }, (_, i) => new Uint8Array(300).fill(i));
const labels = (count: number) => Array.from({ length: count }, (_, i) => i % 2 === 0);

test.each([
  ['an odd count', setOf(jpegs(21), labels(10)), 'it has 21 images for 10 pairs, which need 20'],
  ['too few pairs', setOf(jpegs(18), labels(9)), 'it has 9 pairs, fewer than the 10 folds of the protocol'],
  ['pairs of one kind', setOf(jpegs(20), labels(10).fill(true)), 'none of its pairs is of different people'],
  ['a label that is no boolean', setOf(jpegs(20), [2, ...labels(9)]), 'the label of pair 0 is neither true nor false'],
  [
    'an image that is no bytes',
    setOf([5, ...jpegs(19)], labels(10)),
    'its image 0 is neither bytes nor an array of bytes',
  ],
  ['pixels', setOf([new ByteArray([10, 30], new Uint8Array(300)), ...jpegs(19)], labels(10)), 'of shape [10,30]'],
  ['something else', pickle(['a']), 'its pickle is not a pair of lists'],
  [
    'code that would run',
    Buffer.from("cposix\nsystem\n(S'touch /tmp/x'\ntR."),
    'it holds posix.system, which is not part of',
  ],
  ['a torn file', setOf(jpegs(20), labels(10)).subarray(0, 2000), 'it ends in the middle'],
  ['an empty file', new Uint8Array(), 'it ends in the middle'],
])('%s is a UserError', (_, content, sentence) => {
  const file = write('lfw.bin', content);
  expect(() => openBinSet(file)).toThrow(sentence);
  expect(() => openBinSet(file)).toThrow(`${file} cannot be read as a verification set: `);
});

async function writeLfw(pairs: string, width = 60, height = 40) {
  for (const [name, count] of [
    ['Ann_A', 3],
    ['Bo_B', 2],
  ] as const) {
    mkdirSync(join(folder.path, 'lfw', name), { recursive: true });
    for (let number = 1; number <= count; number++) {
      const pixels = Buffer.alloc(width * height * 3, 60 * number);
      const image = sharp(pixels, { raw: { width, height, channels: 3 } });
      await image.png().toFile(join(folder.path, 'lfw', name, `${name}_000${number}.png`));
    }
  }
  write('pairs.txt', pairs);
}

const twoFolds = '2\t1\nAnn_A\t1\t3\nAnn_A\t2\tBo_B\t1\nBo_B\t1\t2\nBo_B\t2\tAnn_A\t1\n';

test("LFW's images and pairs are read", async () => {
  await writeLfw(twoFolds);
  const [lfw, ...others] = await openVerificationSets(folder.path);
  expect(others).toEqual([]);
  expect(lfw?.pairs).toEqual({
    left: Int32Array.of(0, 2, 3, 4),
    right: Int32Array.of(1, 3, 4, 0),
    same: Uint8Array.of(1, 0, 1, 0),
    folds: 2,
  });
  const dataset = pipelineDataset(lfw?.images as never, { size: 20, train: {}, test: { resize: 20 }, threads: 1 });
  const target = new Uint8Array(2 * 20 * 20 * 3);
  await dataset.read([0, 1], target);
  await dataset.close();
  expect([target[0], target[1300]]).toEqual([60, 180]);
});

test.each([
  ['10 300 5\n', "line 1 is '10 300 5' instead of the number of folds and of pairs"],
  ['2\t1\nAnn_A\t1\t3\n', 'it has 1 pairs instead of 2 x 2 x 1'],
  ['1\t1\nAnn_A\t1\nAnn_A\t1\tBo_B\t1\n', 'line 2 is not <name> <number> <number>'],
  ['1\t1\nAnn_A\t1\t2\nAnn_A\t1\tAnn_A\t2\n', 'line 3 is not <name> <number> <name> <number>'],
  ['1\t1\n../x\t1\t2\nAnn_A\t1\tBo_B\t2\n', 'line 2 is not'],
  ['1\t1\n..\t1\t2\nAnn_A\t1\tBo_B\t2\n', 'line 2 is not'],
  ['1\t1\nAnn_A\t1\t9\nAnn_A\t1\tBo_B\t1\n', 'Ann_A_0009.jpg is in a pair, but is missing.'],
  [
    '1\t1\nAnn_A\t1\t9\nAnn_A\t8\tBo_B\t7\n',
    'Ann_A_0009.jpg is in a pair, but is missing, and so are 2 more of the 4 images in pairs.',
  ],
])('pairs of %j are refused', async (text, sentence) => {
  await writeLfw(text);
  await expect(openVerificationSets(folder.path)).rejects.toThrow(sentence);
});

test('a folder without sets is an error', async () => {
  await expect(openVerificationSets(folder.path)).rejects.toThrow(
    "has no verification sets: *.bin files like insightface's",
  );
});
