import { chmod, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { syntheticDataset } from './synthetic-dataset';

let cacheFolder: string;
beforeEach(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), 'synthetic-'));
});
afterEach(() => rm(cacheFolder, { recursive: true, force: true }));

function stripes(options: { step?: number; failAt?: number; count?: number; seed?: number; folder?: string } = {}) {
  const { step = 3, failAt, count = 40, seed = 1, folder = cacheFolder } = options;
  return syntheticDataset({
    name: 'stripes',
    size: 4,
    classes: 2,
    labels: Int32Array.from({ length: count }, (_, i) => i % 2),
    rendererModule: require.resolve('../../../test/fixture-renderer'),
    rendererOptions: { step, failAt },
    seed,
    cacheFolder: folder,
    threads: 2,
  });
}

async function firstBytes(dataset: ReturnType<typeof stripes>, indices: number[]): Promise<number[]> {
  const target = new Uint8Array(indices.length * 48);
  await dataset.read(indices, target);
  return indices.map((_, i) => target[i * 48 + 47] as number);
}

const onlyFile = async () => join(cacheFolder, (await readdir(cacheFolder))[0] as string);

test('rendered images are read in any order', async () => {
  const dataset = stripes();
  expect(await firstBytes(dataset, [5, 6, 7, 39, 0, 0])).toEqual([15, 18, 21, 117, 0, 0]);
  await dataset.close();
});

test('the second opening reads the file of the first', async () => {
  const first = stripes();
  await first.prepare?.();
  await first.close();
  const { mtimeMs } = await stat(await onlyFile());
  const progress: number[] = [];
  const second = stripes();
  await second.prepare?.((done) => progress.push(done));
  expect(await firstBytes(second, [3])).toEqual([9]);
  await second.close();
  expect(progress).toEqual([]);
  expect((await stat(await onlyFile())).mtimeMs).toBe(mtimeMs);
});

test('progress counts up to all images', async () => {
  const progress: [number, number][] = [];
  const dataset = stripes();
  await dataset.prepare?.((done, total) => progress.push([done, total]));
  await dataset.close();
  expect(progress.at(-1)).toEqual([40, 40]);
});

test.each([
  ['is truncated', (path: string) => truncate(path, 500)],
  ['is empty', (path: string) => truncate(path, 0)],
  ['has other content', async (path: string) => writeFile(path, Buffer.alloc((await stat(path)).size))],
])('a cache file that %s is rebuilt', async (_, damage) => {
  const first = stripes();
  await first.prepare?.();
  await first.close();
  const path = await onlyFile();
  const whole = await readFile(path);
  await damage(path);
  const second = stripes();
  expect(await firstBytes(second, [39])).toEqual([117]);
  await second.close();
  expect((await readFile(path)).equals(whole)).toBe(true);
});

test('the unfinished file of a killed process is removed', async () => {
  const dataset = stripes();
  await writeFile(join(cacheFolder, `stripes-${dataset.fingerprint}.u8.999999999-abc.tmp`), 'half');
  await dataset.prepare?.();
  await dataset.close();
  expect(await readdir(cacheFolder)).toEqual([`stripes-${dataset.fingerprint}.u8`]);
});

test('the fingerprint changes with options, seed, number of images and rendered images', () => {
  const fingerprints = [stripes(), stripes({ step: 4 }), stripes({ seed: 2 }), stripes({ count: 41 })].map(
    (d) => d.fingerprint,
  );
  expect(new Set(fingerprints).size).toBe(4);
  expect(stripes().fingerprint).toBe(fingerprints[0]);
});

test('an error of the renderer names the image and leaves no file', async () => {
  const dataset = stripes({ failAt: 13, count: 400 });
  await expect(dataset.prepare?.()).rejects.toThrow('Rendering stripes failed at image 13: no paint left');
  expect(await readdir(cacheFolder)).toEqual([]);
  // The fingerprint covers image 0.
  expect(() => stripes({ failAt: 0 })).toThrow('image 0: no paint left');
});

test('a wrong index or a small target is refused', async () => {
  const dataset = stripes();
  await expect(dataset.read([40], new Uint8Array(48))).rejects.toThrow(
    'stripes has no image 40: indices run from 0 to 39',
  );
  await expect(dataset.read([0, 1], new Uint8Array(95))).rejects.toThrow('2 images need 96 bytes, the target has 95');
});

test('a cache folder that is a file gives a UserError', async () => {
  const folder = join(cacheFolder, 'taken');
  await writeFile(folder, '');
  await expect(stripes({ folder }).prepare?.()).rejects.toThrow(
    /^Cannot (read|write) the images of stripes in .*taken/,
  );
});

// The superuser may write anywhere.
(process.getuid?.() === 0 ? test.skip : test)('a read-only cache folder gives a UserError', async () => {
  await chmod(cacheFolder, 0o555);
  await expect(stripes().prepare?.()).rejects.toThrow(/^Cannot write the images of stripes in .*give a cache folder/);
});
