import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeTemporaryFolders, temporaryFolder } from '@headshare/core/test/tiny-training';
import fc from 'fast-check';
import { faceCase } from '../../../test/face-cases';
import { readIjbMeta } from './meta-files';
import { ijbPaths } from './sets';

afterAll(removeTemporaryFolders);

const folder = temporaryFolder();
let files = 0;

const good = {
  faces: '1.jpg 5 231\n2.jpg 5 231\n3.jpg 7 9\n',
  landmarks: `1.jpg 1 2 3 4 5 6 7 8 9 10 0.5
2.jpg 63.073 62.980 87.217 60.662 74.375 77.341 62.452 91.008 85.148 90.764 0.941
3.jpg -0.5 +1 1e1 .5 5. 0 0.0001 123456789012345680 -0 1 1\n`,
  pairs: '5 7 0\n5 5 1\n',
};

function written(texts: Partial<typeof good>) {
  const number = files++;
  const place = (name: 'faces' | 'landmarks' | 'pairs') => {
    const file = join(folder, `${number}-${name}.txt`);
    writeFileSync(file, texts[name] ?? good[name]);
    return file;
  };
  return { faces: place('faces'), landmarks: place('landmarks'), pairs: place('pairs') };
}

test('counts, ids, points and scores of a set are read, joined by line', async () => {
  const places = ijbPaths(faceCase('ijbc_tiny'), 'ijbc');
  const expected = JSON.parse(readFileSync(faceCase('ijbc_tiny/expected.json'), 'utf8'));
  const { images, pairs, counts, oddities } = await readIjbMeta(places);
  expect(counts).toEqual({
    images: expected.images,
    templates: expected.templates,
    pairs: expected.pairs,
    same: expected.genuine,
  });
  expect(oddities).toEqual({ otherNames: 0, repeated: 0 });
  const fields = (file: string) =>
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' '));
  for (const [i, [name, template, media]] of fields(places.faces).entries()) {
    expect([images.names[i], images.templates[i], images.medias[i]]).toEqual([name, Number(template), Number(media)]);
  }
  for (const [i, [, ...numbers]] of fields(places.landmarks).entries()) {
    const found = [...images.landmarks.slice(i * 10, i * 10 + 10), images.scores[i]];
    const given = numbers.map(Number);
    expect(found).toEqual([...given.slice(0, -1), Math.fround(given.at(-1) as number)]);
  }
  for (const [i, line] of fields(places.pairs).entries()) {
    expect([pairs.first[i], pairs.second[i], pairs.same[i]]).toEqual(line.map(Number));
  }
});

test('a set is found under its name or as the folder itself; a missing file is named', () => {
  expect(ijbPaths(faceCase('ijbc_tiny'), 'ijbc').crops).toBe(join(faceCase('ijbc_tiny'), 'loose_crop'));
  expect(() => ijbPaths(faceCase('ijbc_tiny'), 'ijbb')).toThrow(/IJB-B is not in .* there is no .*ijbb_face_tid_mid/);
});

test('decimals in any notation are rounded correctly', async () => {
  const { images } = await readIjbMeta(written({}));
  expect([...images.landmarks.slice(20)]).toEqual([-0.5, 1, 10, 0.5, 5, 0, 0.0001, 123456789012345680, -0, 1]);
});

test('a missing last newline, empty lines at the end, tabs, several spaces and Windows line ends are accepted', async () => {
  const expected = await readIjbMeta(written({}));
  const variants = [
    (text: string) => text.trimEnd(),
    (text: string) => `${text}\n \n\n`,
    (text: string) => text.replaceAll('\n', '\r\n'),
    (text: string) => text.replaceAll(' ', ' \t '),
  ];
  for (const vary of variants) {
    const { faces, landmarks, pairs } = good;
    const found = await readIjbMeta(written({ faces: vary(faces), landmarks: vary(landmarks), pairs: vary(pairs) }));
    const { landmarksFile } = found.images;
    expect(found).toEqual({ ...expected, images: { ...expected.images, landmarksFile } });
  }
});

test('68 points are reduced to five', async () => {
  const points = Array.from({ length: 136 }, (_, i) => i);
  const landmarks = [1, 2, 3].map((i) => `${i}.jpg ${points.join(' ')} 0.9`).join('\n');
  const { images } = await readIjbMeta(written({ landmarks }));
  expect([...images.landmarks.slice(0, 10)]).toEqual([75, 76, 87, 88, 60, 61, 96, 97, 108, 109]);
});

test('names that differ, and images twice in a template, are counted: the protocol joins by line', async () => {
  const { oddities } = await readIjbMeta(
    written({
      faces: '1.jpg 5 231\nother.jpg 5 231\n3.jpg 5 9\n',
      landmarks: good.landmarks.replace('3.jpg', '1.jpg'),
      pairs: '5 5 1\n5 5 0\n',
    }),
  );
  expect(oddities).toEqual({ otherNames: 2, repeated: 1 });
});

test.each<[string, Partial<typeof good>, RegExp]>([
  ['a line too few', { faces: '1.jpg 5 231\n2.jpg 5 231\n' }, /faces.txt has 2 lines, but .*landmarks.txt has 3/],
  [
    'pairs of one person only',
    { pairs: '5 5 1\n5 5 1\n' },
    /pairs.txt has no pair of different people: all its 2 pairs have the label 1/,
  ],
  [
    'pairs of different people only',
    { pairs: '5 5 0\n' },
    /pairs.txt has no pair of the same person: all its 1 pairs have the label 0/,
  ],
  ['a negative id', { faces: '1.jpg 5 231\n2.jpg -5 231\n' }, /faces.txt, line 2: the template must be a whole number/],
  [
    'an id beyond 31 bits',
    { faces: '1.jpg 5 2147483648\n' },
    /line 1: the media must be a whole number below 2147483648/,
  ],
  ['a field too few', { faces: '1.jpg 5\n' }, /line 1: the media must be .*'1.jpg 5'/],
  ['a field too many', { pairs: '5 7 0\n5 5 1 1\n' }, /pairs.txt, line 2: the rest of the line must be empty/],
  [
    'a point that is NaN',
    { landmarks: good.landmarks.replace('87.217', 'nan') },
    /landmarks.txt, line 2: a coordinate must be a finite number/,
  ],
  [
    'a point that is infinite',
    { landmarks: good.landmarks.replace('87.217', '1e999') },
    /line 2: a coordinate must be a finite/,
  ],
  ['hexadecimal', { landmarks: good.landmarks.replace('87.217', '0x57') }, /line 2: a coordinate must be a finite/],
  [
    'other points',
    { landmarks: '1.jpg 1 2 3 4 0.5\n' },
    /line 1: 5 numbers follow the name instead of x and y of 5 points, or of 68/,
  ],
  ['a label of 2', { pairs: '5 7 2\n' }, /pairs.txt, line 1: the label is 2; it must be 1/],
  [
    'a template without images',
    { pairs: '5 7 0\n5 6 0\n' },
    /pairs.txt, line 2: template 6 has no images in .*faces.txt/,
  ],
  ['an empty line between others', { pairs: '5 7 0\n\n5 5 1\n' }, /pairs.txt, line 2: the first template must be/],
  ['no pairs', { pairs: '\n' }, /pairs.txt is empty/],
  ['no images', { faces: '', landmarks: '' }, /faces.txt is empty/],
  ['an endless line', { pairs: '1'.repeat(2_000_000) }, /pairs.txt, line 1: /],
])('%s is an error with its file and line', async (_, texts, message) => {
  await expect(readIjbMeta(written(texts))).rejects.toThrow(message);
});

test('a missing file is named', async () => {
  await expect(readIjbMeta({ ...written({}), pairs: join(folder, 'none.txt') })).rejects.toThrow(
    /none.txt cannot be read/,
  );
});

test('lines that cross blocks of a large file are read correctly', async () => {
  const lines = 300_000;
  const places = written({ pairs: Array.from({ length: lines }, (_, i) => `${i % 2 ? 5 : 7} 5 ${i % 2}\n`).join('') });
  const { pairs, counts } = await readIjbMeta(places);
  expect(counts).toMatchObject({ pairs: lines, same: lines / 2 });
  expect(pairs.first.every((template, i) => template === (i % 2 ? 5 : 7))).toBe(true);
});

/** Bytes that are changed, removed, repeated or inserted. */
interface Mutation {
  readonly kind: 'change' | 'remove' | 'repeat' | 'insert';
  /** Position as a share of the text. */
  readonly at: number;
  readonly length: number;
  readonly bytes: Uint8Array;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom<Mutation['kind']>('change', 'remove', 'repeat', 'insert'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 1, max: 40 }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
});

function mutated(text: Uint8Array, { kind, at, length, bytes }: Mutation): Buffer {
  const from = Math.floor(at * text.length);
  const [before, after] = [text.subarray(0, from), text.subarray(from)];
  if (kind === 'change') return Buffer.concat([before, bytes, after.subarray(bytes.length)]);
  if (kind === 'remove') return Buffer.concat([before, after.subarray(length)]);
  if (kind === 'repeat') return Buffer.concat([before, after.subarray(0, length), after]);
  return Buffer.concat([before, bytes, after]);
}

// HEADSHARE_FUZZ=10000 runs as many cases for each file.
const tries = Number(process.env.HEADSHARE_FUZZ ?? 150);

test.each(['faces', 'landmarks', 'pairs'] as const)(
  'damaged %s are read as finite numbers or cause a UserError that names a file',
  async (name) => {
    const source = readFileSync(ijbPaths(faceCase('ijbc_tiny'), 'ijbc')[name]).subarray(0, 2000);
    const places = ijbPaths(faceCase('ijbc_tiny'), 'ijbc');
    const file = join(folder, `damaged-${name}.txt`);
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
        writeFileSync(file, mutations.reduce<Uint8Array>(mutated, source));
        try {
          const { images, pairs } = await readIjbMeta({ ...places, [name]: file });
          expect(images.landmarks.every(Number.isFinite)).toBe(true);
          expect(images.templates.every((id) => id >= 0)).toBe(true);
          expect(pairs.same.every((label) => label <= 1)).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ name: 'UserError', message: expect.stringContaining('.txt') });
          expect((error as Error).message).not.toMatch(/\p{Cc}/u);
        }
      }),
      { numRuns: tries, seed: 7 },
    );
  },
  600_000,
);
