import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EmbeddingShard } from './embedding-shard';
import { type EmbeddingStoreLayout, embeddingStore, type MakeEmbeddings } from './embedding-store';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function layout(changed: Partial<EmbeddingStoreLayout> = {}): EmbeddingStoreLayout {
  const folder = join(mkdtempSync(join(tmpdir(), 'headshare-rows-')), 'cache');
  folders.push(join(folder, '..'));
  const key = '0f'.repeat(32);
  return { folder, key, type: 'float32', dimension: 3, images: 10, copies: 2, embeddingsPerShard: 4, ...changed };
}

/** The embedding of an image's copy: both numbers and their product. */
const rowOf = (image: number, copy: number) => [image, copy, image * copy];

/** Makes embeddings two at a time, and notes the requested shards. */
function maker(pause = 0) {
  const requested: string[] = [];
  const make: MakeEmbeddings = async function* ({ copy, first, count }: EmbeddingShard) {
    requested.push(`${copy}:${first}`);
    for (let row = 0; row < count; row += 2) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      const images = [first + row, first + row + 1].filter((image) => image < first + count);
      yield Float32Array.from(images.flatMap((image) => rowOf(image, copy)));
    }
  };
  return { make, requested };
}

const { signal } = new AbortController();

test('embeddings are read by image and copy, in any order; padding is zeros', async () => {
  const store = embeddingStore(layout());
  const { make, requested } = maker();
  const progress: (readonly [number, number])[] = [];
  await store.fill({ make, signal, onProgress: (...done) => progress.push(done) });
  expect(requested).toEqual(['0:0', '0:4', '0:8', '1:0', '1:4', '1:8']);
  expect(progress.at(-1)).toEqual([20, 20]);
  const read = store.reader({ make, signal });
  expect(Array.from(await read(Int32Array.of(9, 0, 5, -1), Int32Array.of(1, 0, 1, 0)))).toEqual([
    ...rowOf(9, 1),
    ...rowOf(0, 0),
    ...rowOf(5, 1),
    0,
    0,
    0,
  ]);
  await expect(read(Int32Array.of(10), Int32Array.of(0))).rejects.toThrow('There is no embedding of image 10, copy 0.');
  await expect(read(Int32Array.of(0), Int32Array.of(2))).rejects.toThrow('There is no embedding of image 0, copy 2.');
});

test('only missing shards are computed: after an abort, or if a file has other content', async () => {
  const where = layout();
  const controller = new AbortController();
  const { make } = maker();
  const stopped = embeddingStore(where).fill({
    make,
    signal: controller.signal,
    onProgress: (done) => {
      if (done === 6) controller.abort(new Error('stopped'));
    },
  });
  await expect(stopped).rejects.toThrow('stopped');
  expect(readdirSync(where.folder)).toEqual(['view0-00000.rows']);

  const rest = maker();
  await embeddingStore(where).fill({ make: rest.make, signal });
  expect(rest.requested).toEqual(['0:4', '0:8', '1:0', '1:4', '1:8']);

  writeFileSync(join(where.folder, 'view1-00001.rows'), readFileSync(join(where.folder, 'view0-00001.rows')));
  const again = maker();
  await embeddingStore(where).fill({ make: again.make, signal });
  expect(again.requested).toEqual(['1:4']);
  expect(await embeddingStore({ ...where, key: 'ff'.repeat(32) }).missing()).toHaveLength(6);
});

test('a half-written file of another process is replaced', async () => {
  const where = layout();
  await embeddingStore(where).fill({ ...maker(), signal });
  rmSync(join(where.folder, 'view0-00000.rows'));
  writeFileSync(join(where.folder, 'view0-00000.rows.tmp'), 'half');
  await embeddingStore(where).fill({ ...maker(), signal });
  expect(readdirSync(where.folder)).toHaveLength(6);
  expect(await embeddingStore(where).missing()).toEqual([]);
});

test('several processes share the work without repeating it', async () => {
  const where = layout();
  const makers = [maker(5), maker(5), maker(5)];
  await Promise.all(makers.map(({ make }) => embeddingStore(where).fill({ make, signal })));
  expect(makers.flatMap(({ requested }) => requested).sort()).toEqual(['0:0', '0:4', '0:8', '1:0', '1:4', '1:8']);
  for (const { requested } of makers) expect(requested.length).toBeLessThan(6);
  expect(readdirSync(where.folder)).toHaveLength(6);
});

test('a shard with a damaged row is computed again, once for all its readers', async () => {
  const where = layout();
  const store = embeddingStore(where);
  await store.fill({ ...maker(), signal });
  const file = join(where.folder, 'view1-00000.rows');
  const whole = readFileSync(file);
  writeFileSync(file, Buffer.from(whole).fill(7, whole.length - 30));
  const { make, requested } = maker();
  const damaged: string[] = [];
  const read = store.reader({ make, signal, onDamage: (which) => damaged.push(which) });
  const copies = Int32Array.of(1, 1);
  // The first two rows are unchanged.
  await read(Int32Array.of(0, 1), copies);
  expect(damaged).toEqual([]);
  const all = await Promise.all([0, 1, 2].map(() => read(Int32Array.of(2, 3), copies)));
  for (const rows of all) expect(Array.from(rows)).toEqual([...rowOf(2, 1), ...rowOf(3, 1)]);
  expect(damaged).toEqual([file]);
  expect(requested).toEqual(['1:0']);
  expect(readFileSync(file)).toEqual(whole);
});

test('a file that vanishes in use is computed again', async () => {
  const where = layout();
  const store = embeddingStore(where);
  await store.fill({ ...maker(), signal });
  rmSync(where.folder, { recursive: true });
  const read = store.reader({ ...maker(), signal });
  expect(Array.from(await read(Int32Array.of(7), Int32Array.of(1)))).toEqual(rowOf(7, 1));
});

test('an error of `make` is thrown unchanged, and no unfinished file remains', async () => {
  const where = layout();
  const failing: MakeEmbeddings = async function* () {
    yield Float32Array.of(1, 2, 3);
    throw Object.assign(new Error('no such picture'), { code: 'ENOENT' });
  };
  await expect(embeddingStore(where).fill({ make: failing, signal })).rejects.toThrow('no such picture');
  expect(readdirSync(where.folder)).toEqual([]);
});

test('the error names a folder that cannot be created', async () => {
  const where = layout();
  const blocked = join(where.folder, '..', 'file');
  writeFileSync(blocked, '');
  await expect(
    embeddingStore({ ...where, folder: join(blocked, 'cache') }).fill({ ...maker(), signal }),
  ).rejects.toThrow(
    `The teacher's cache cannot be written to ${join(blocked, 'cache')} (ENOTDIR); --teacher-cache-dir names another folder.`,
  );
  if (process.getuid?.() === 0) return;
  chmodSync(join(where.folder, '..'), 0o500);
  await expect(embeddingStore(where).fill({ ...maker(), signal })).rejects.toThrow('(EACCES)');
});
