import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeTemporaryFolders, temporaryFolder } from '@headshare/core/test/tiny-training';
import sharp from 'sharp';
import { faceCase, ownCase } from '../../../test/face-cases';
import type { IjbImages } from '../meta/meta-files';
import { readIjbMeta } from '../meta/meta-files';
import { ijbPaths } from '../meta/sets';
import { type AlignedCropsOptions, alignedCrops } from './aligned-crops';

const places = ijbPaths(faceCase('ijbc_tiny'), 'ijbc');
const bytes = 112 * 112 * 3;
let images: IjbImages;

beforeAll(async () => {
  images = (await readIjbMeta(places)).images;
});
afterAll(removeTemporaryFolders);

/** Copies of the set's first images, which a test may damage. */
function few(count: number): AlignedCropsOptions & { folder: string } {
  const folder = join(temporaryFolder(), 'loose_crop');
  mkdirSync(folder);
  const names = images.names.slice(0, count);
  for (const name of names) copyFileSync(join(places.crops, name), join(folder, name));
  return { name: 'few', folder, names, landmarks: images.landmarks.slice(0, count * 10), threads: 1 };
}

async function readAll(options: AlignedCropsOptions) {
  const crops = await alignedCrops(options);
  try {
    const target = new Uint8Array(crops.labels.length * bytes);
    await crops.read(Array.from(crops.labels.keys()), target);
    return { crops, image: (index: number) => target.subarray(index * bytes, (index + 1) * bytes) };
  } finally {
    await crops.close();
  }
}

const isBlack = (image: Uint8Array) => image.every((byte) => byte === 0);

test('crops equal those of OpenCV with the matrices of float32, with either decoder', async () => {
  const { cases } = JSON.parse(readFileSync(faceCase('ijbc_tiny/aligned/expected.json'), 'utf8'));
  const common = { ...images, name: 'tiny', folder: places.crops, threads: 2 };
  const { image } = await readAll(common);
  const { image: bySharp } = await readAll({ ...common, native: false });
  for (const { image: name, aligned_png } of cases) {
    const index = images.names.indexOf(name);
    const expected = await sharp(faceCase(`ijbc_tiny/aligned/${aligned_png}`))
      .removeAlpha()
      .raw()
      .toBuffer();
    const differences = expected.map((byte, i) => Math.abs(byte - (image(index)[i] as number)));
    // Float32 moves a few of the 12,544 points by 1/32 of a pixel.
    expect(Math.max(...differences)).toBeLessThanOrEqual(4);
    expect(differences.filter((difference) => difference > 0).length).toBeLessThan(100);
    expect(Buffer.compare(image(index), bySharp(index))).toBe(0);
  }
});

test('crops have the bytes of OpenCV with the matrices of float64', async () => {
  const { faces } = JSON.parse(readFileSync(ownCase('opencv/cases.json'), 'utf8')) as {
    faces: readonly { readonly name: string; readonly points: readonly number[]; readonly sha256: string }[];
  };
  const { image } = await readAll({
    name: 'opencv',
    folder: ownCase('opencv'),
    names: faces.map(({ name }) => name),
    landmarks: Float64Array.from(faces.flatMap(({ points }) => points)),
    threads: 1,
  });
  const digests = faces.map((_, index) => createHash('sha256').update(image(index)).digest('hex'));
  expect(digests).toEqual(faces.map(({ sha256 }) => sha256));
});

test('images are the same in shared memory and in any order', async () => {
  const crops = await alignedCrops(few(3));
  const shared = new Uint8Array(new SharedArrayBuffer(2 * bytes + 16), 16);
  const own = new Uint8Array(2 * bytes);
  await crops.read([2, 0], shared);
  await crops.read([0, 2], own);
  await crops.close();
  expect(Buffer.compare(shared.subarray(0, bytes), own.subarray(bytes))).toBe(0);
  expect(Buffer.compare(shared.subarray(bytes), own.subarray(0, bytes))).toBe(0);
});

test('missing crops are named before anything is embedded', async () => {
  const options = few(6);
  for (const name of options.names.slice(1, 6)) rmSync(join(options.folder, name));
  await expect(alignedCrops(options)).rejects.toThrow(
    new RegExp(
      `5 of the 6 images of few cannot be used: ${options.names[1]} \\(it is missing\\), .* and 2 more; they belong in .*loose_crop`,
    ),
  );
});

test('on request, missing and damaged crops and points that cannot be aligned become black and are counted', async () => {
  const options = few(5);
  rmSync(join(options.folder, options.names[1] as string));
  const cut = join(options.folder, options.names[2] as string);
  writeFileSync(cut, readFileSync(cut).subarray(0, 1000));
  writeFileSync(join(options.folder, options.names[3] as string), 'no picture');
  options.landmarks.fill(33, 40, 50);
  const { crops, image } = await readAll({ ...options, landmarksFile: 'points.txt', onUnreadable: 'black' });
  expect([...crops.unreadable.keys()].sort()).toEqual([1, 2, 3, 4]);
  expect(crops.unreadable.get(2)).toMatch(/cut short|premature end/);
  expect(crops.unreadable.get(4)).toBe('line 5 of points.txt has points that cannot be aligned');
  expect([0, 1, 2, 3, 4].map((index) => isBlack(image(index)))).toEqual([false, true, true, true, true]);
});

test('points that cannot be aligned are named by file and line', async () => {
  const options = few(3);
  options.landmarks.fill(33, 10, 20);
  await expect(alignedCrops({ ...options, landmarksFile: 'meta/points.txt' })).rejects.toThrow(
    new RegExp(
      `1 of the 3 images of few cannot be used: ${options.names[1]} \\(line 2 of meta/points.txt has points that cannot be aligned\\)$`,
    ),
  );
});

test('a damaged crop is an error that names its file', async () => {
  const options = few(2);
  const file = join(options.folder, options.names[1] as string);
  writeFileSync(file, 'no picture');
  await expect(readAll(options)).rejects.toThrow(`Image 1 of few, ${file}, cannot be read: `);
});

test('the fingerprint changes with the size, a landmark, a file', async () => {
  const options = few(3);
  const fingerprint = async (changed: Partial<AlignedCropsOptions>) =>
    (await alignedCrops({ ...options, ...changed })).fingerprint;
  const first = await fingerprint({});
  expect(await fingerprint({})).toBe(first);
  expect(await fingerprint({ size: 128 })).not.toBe(first);
  expect(await fingerprint({ landmarks: options.landmarks.map((x, i) => (i === 7 ? x + 1 : x)) })).not.toBe(first);
  writeFileSync(join(options.folder, readdirSync(options.folder)[0] as string), 'shorter');
  expect(await fingerprint({})).not.toBe(first);
});
