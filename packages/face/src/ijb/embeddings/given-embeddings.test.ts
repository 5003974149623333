import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesOf } from '@headshare/core/system/bytes-of';
import { removeTemporaryFolders, temporaryFolder } from '@headshare/core/test/tiny-training';
import { writeCheckpoint } from '@headshare/core/train/checkpoint';
import fc from 'fast-check';
import { faceCase, faceCaseJson } from '../../../test/face-cases';
import { givenEmbeddings } from './given-embeddings';

afterAll(removeTemporaryFolders);

const folder = temporaryFolder();
const images = 4;
const values = Float32Array.from({ length: images * 6 }, (_, i) => i / 2);

function written(name: string, ...parts: readonly Uint8Array[]): string {
  const file = join(folder, name);
  writeFileSync(file, Buffer.concat(parts));
  return file;
}

/** The bytes that numpy.save writes. */
function npy(data: Uint8Array, { descr = '<f4', shape = '(4, 6)', fortran = 'False' } = {}): Buffer {
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`.padEnd(117, ' ');
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]);
  return Buffer.concat([start, Buffer.from(`${header}\n`), data]);
}

const file = {
  f32: () => written('rows.f32', bytesOf(values)),
  npy: () => written('rows.npy', npy(bytesOf(values))),
  npy64: () => {
    const doubles = Float64Array.from(values);
    return written('rows64.npy', npy(new Uint8Array(doubles.buffer), { descr: '<f8' }));
  },
  npy16: () => {
    // Halves of 0, 1/2, ... 11.5, exact.
    const halves = Uint16Array.from(values, (value) => {
      if (value === 0) return 0;
      const exponent = Math.floor(Math.log2(value));
      return ((exponent + 15) << 10) | ((value / 2 ** exponent - 1) * 1024);
    });
    return written('rows16.npy', npy(new Uint8Array(halves.buffer), { descr: '<f2' }));
  },
  safetensors: () => {
    const path = join(folder, 'rows.safetensors');
    const tensors = new Map([
      ['other', { shape: [2], values: Float32Array.of(1, 2) }],
      ['embeddings', { shape: [images, 6], values }],
      ['flipped', { shape: [images, 6], values: values.map((value) => -value) }],
    ]);
    writeCheckpoint(path, { tensors, metadata: {} });
    return path;
  },
};

test.each(Object.entries(file))('%s: rows are read back', async (_, make) => {
  const { embeddings } = await givenEmbeddings({ embeddings: make(), images });
  expect([embeddings.images, embeddings.dimension]).toEqual([4, 6]);
  expect(await embeddings.read(1, 2)).toEqual(values.slice(6, 18));
  expect(await embeddings.read(4, 0)).toEqual(new Float32Array(0));
  await expect(embeddings.read(3, 2)).rejects.toThrow(RangeError);
});

test('mirror images are read from a second file, from the same file, or from the second half of each row', async () => {
  const two = await givenEmbeddings({ embeddings: file.f32(), flipped: file.npy(), images });
  expect(await two.flipped?.read(0, 1)).toEqual(values.slice(0, 6));
  const one = await givenEmbeddings({ embeddings: file.safetensors(), images });
  expect(await one.flipped?.read(3, 1)).toEqual(values.slice(18).map((value) => -value));
  const behind = await givenEmbeddings({ embeddings: file.f32(), concatenated: true, images });
  expect(behind.embeddings.dimension).toBe(3);
  expect(await behind.embeddings.read(1, 2)).toEqual(Float32Array.from([3, 3.5, 4, 6, 6.5, 7]));
  expect(await behind.flipped?.read(0, 1)).toEqual(Float32Array.from([1.5, 2, 2.5]));
});

test("the set's embeddings have its number of dimensions", async () => {
  const set = faceCaseJson<{ images: number; dim: number }>('ijbc_tiny/expected.json');
  const { embeddings, flipped } = await givenEmbeddings({
    embeddings: faceCase('ijbc_tiny/embeddings.f32'),
    flipped: faceCase('ijbc_tiny/embeddings_flip.f32'),
    images: set.images,
  });
  expect([embeddings.dimension, flipped?.dimension]).toEqual([set.dim, set.dim]);
});

test.each<[string, () => string, RegExp]>([
  [
    'too few rows',
    () => written('short.f32', bytesOf(values.slice(1))),
    /short.f32 .* its 92 bytes are not 4 rows of float32/,
  ],
  ['no file', () => join(folder, 'none.f32'), /none.f32 cannot be read/],
  ['an unknown kind', () => written('rows.csv'), /its name does not end in .f32, .npy or .safetensors/],
  [
    'rows of another set',
    () => written('other.npy', npy(bytesOf(values), { shape: '(6, 4)' })),
    /it has 6 rows; the set has 4 images/,
  ],
  ['a vector', () => written('vector.npy', npy(bytesOf(values), { shape: '(24,)' })), /it holds no matrix/],
  [
    'columns first',
    () => written('fortran.npy', npy(bytesOf(values), { fortran: 'True' })),
    /it is stored column by column/,
  ],
  [
    'objects',
    () => written('object.npy', npy(bytesOf(values), { descr: '|O' })),
    /it holds '\|O'; supported are <f2, <f4, <f8/,
  ],
  ['whole numbers', () => written('int.npy', npy(bytesOf(values), { descr: '<i4' })), /it holds '<i4'; supported are/],
  [
    'big-endian numbers',
    () => written('big.npy', npy(bytesOf(values), { descr: '>f4' })),
    /its numbers are big-endian \('>f4'\); supported are <f2, <f4, <f8/,
  ],
  [
    'a second matrix behind the first',
    () => written('two.npy', npy(bytesOf(values)), npy(bytesOf(values))),
    /224 bytes follow its matrix, perhaps a second one/,
  ],
  [
    'images of one row too many',
    () => written('more.npy', npy(bytesOf(Float32Array.from([...values, 1, 2, 3, 4, 5, 6])), { shape: '(5, 6)' })),
    /it has 5 rows; the set has 4 images/,
  ],
  [
    'a missing end',
    () => written('cut.npy', npy(bytesOf(values.slice(1)))),
    /it has 220 bytes; 4 rows of 6 float32 end at byte 224/,
  ],
  [
    'no such tensor',
    () => {
      const path = join(folder, 'empty.safetensors');
      writeCheckpoint(path, { tensors: new Map(), metadata: {} });
      return path;
    },
    /it has no tensor 'embeddings'/,
  ],
])('%s: an error that names the cause', async (_, make, message) => {
  await expect(givenEmbeddings({ embeddings: make(), images })).rejects.toThrow(message);
});

test('a row that is not finite is named when it is read', async () => {
  const broken = values.slice();
  broken[13] = Number.NaN;
  const { embeddings } = await givenEmbeddings({ embeddings: written('nan.f32', bytesOf(broken)), images });
  await expect(embeddings.read(1, 3)).rejects.toThrow(/nan.f32, row 2 \(from 0 on\): the embedding is not finite/);
});

// HEADSHARE_FUZZ=10000 runs as many cases for each file.
const tries = Number(process.env.HEADSHARE_FUZZ ?? 200);

test('a header of NumPy with other letters is read as its numbers or causes a UserError', async () => {
  const whole = npy(bytesOf(values));
  const letter = fc.constantFrom(...`'",:()[]{}<>|=bfiuOVSTrueFalse0123456789 \n`).map((one) => one.charCodeAt(0));
  const changes = fc.array(fc.tuple(fc.integer({ min: 8, max: 80 }), letter), { minLength: 1, maxLength: 4 });
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(changes, async (given) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of given) bytes[at] = value;
      try {
        const { embeddings } = await givenEmbeddings({ embeddings: written('letters.npy', bytes), images });
        expect(await embeddings.read(0, images)).toHaveLength(images * embeddings.dimension);
      } catch (error) {
        expect(error).toMatchObject({ name: 'UserError' });
        refused++;
      }
    }),
    { numRuns: tries, seed: 4 },
  );
  expect(refused).toBeGreaterThan(tries / 4);
}, 600_000);

test('damaged headers are read or cause a UserError', async () => {
  for (const make of [file.npy, file.safetensors]) {
    const path = make();
    const whole = readFileSync(path);
    const damage = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(damage, fc.nat(whole.length), async (changes, length) => {
        const bytes = Buffer.from(whole.subarray(0, changes.length % 2 ? whole.length : length));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        writeFileSync(path, bytes);
        try {
          const { embeddings } = await givenEmbeddings({ embeddings: path, images });
          await embeddings.read(0, images);
        } catch (error) {
          expect(error).toMatchObject({ name: 'UserError' });
        }
      }),
      { numRuns: tries, seed: 3 },
    );
  }
}, 600_000);
