import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageDataset } from '@headshare/core/data/dataset';
import { removeTemporaryFolders, temporaryFolder, tinyImages } from '@headshare/core/test/tiny-training';
import type { EmbeddedBatch, Inference } from '@headshare/core/train/evaluation/inference';
import { type Extraction, extractEmbeddings } from './extract-embeddings';

afterAll(removeTemporaryFolders);

const dimension = 3;
const images = 23;

/** A network that embeds image i as [i, i + 0.25, i + 0.5], mirrored [-i, ...], and records its inputs in `seen`. */
function network(seen: number[], value = (index: number) => index + 1): Inference {
  const embedEach: Inference['embedEach'] = async (dataset, receive, subset = Array.from(dataset.labels.keys())) => {
    for (let from = 0; from < subset.length; from += 5) {
      const indices = Int32Array.from(subset).slice(from, from + 5);
      seen.push(...indices);
      const rows = (sign: number) =>
        Float32Array.from([...indices].flatMap((i) => [0, 0.25, 0.5].map((more) => sign * value(i) + more)));
      const batch: EmbeddedBatch = { indices, embeddings: rows(1), flipped: rows(-1), dimension };
      await receive(batch);
    }
  };
  return { embedEach, embed: () => Promise.reject(), classify: () => Promise.reject() };
}

function extraction(changed: Partial<Extraction> = {}): Extraction & { readonly folder: string } {
  const dataset: ImageDataset = tinyImages('tiny', images);
  const common = { dataset, dimension, weights: 'w', folder: join(temporaryFolder(), 'embeddings'), shardImages: 4 };
  return { ...common, inference: network([]), ...changed };
}

const firsts = async (
  rows: { read(from: number, count: number): Promise<Float32Array> },
  from: number,
  count: number,
) => [...(await rows.read(from, count))].filter((_, i) => i % dimension === 0);

test('rows are read back across shards, plain and mirrored', async () => {
  const { embeddings, flipped, embedded } = await extractEmbeddings(extraction());
  expect([embeddings.images, embeddings.dimension, embedded]).toEqual([images, dimension, images]);
  expect([...(await embeddings.read(3, 2))]).toEqual([4, 4.25, 4.5, 5, 5.25, 5.5]);
  expect(await firsts(embeddings, 0, images)).toEqual(Array.from({ length: images }, (_, i) => i + 1));
  expect(await firsts(flipped, 17, 6)).toEqual([-18, -19, -20, -21, -22, -23]);
  await expect(embeddings.read(20, 4)).rejects.toThrow(RangeError);
});

test('an interrupted extraction continues after the last complete shard', async () => {
  const options = extraction();
  const stop = new AbortController();
  const onProgress = (done: number) => done >= 10 && stop.abort(new Error('stop'));
  await expect(extractEmbeddings({ ...options, signal: stop.signal, onProgress })).rejects.toThrow('stop');
  const seen: number[] = [];
  const lines: string[] = [];
  const done: number[] = [];
  const again = { ...options, inference: network(seen), log: (line: string) => lines.push(line) };
  const { embeddings, embedded } = await extractEmbeddings({ ...again, onProgress: (count) => done.push(count) });
  expect(embedded).toBe(15);
  // A stored image is embedded again to check that the result is the same.
  expect(seen).toEqual([0, ...Array.from({ length: 15 }, (_, i) => 8 + i)]);
  expect(done).toEqual([13, 18, 23]);
  expect(lines).toEqual(['8 of 23 images were embedded before']);
  expect(await firsts(embeddings, 0, images)).toEqual(Array.from({ length: images }, (_, i) => i + 1));
});

test('a complete extraction is not repeated', async () => {
  const options = extraction();
  await extractEmbeddings(options);
  const seen: number[] = [];
  const { embedded } = await extractEmbeddings({ ...options, inference: network(seen) });
  expect([embedded, seen]).toEqual([0, [0]]);
});

test('only damaged and missing shards are replaced', async () => {
  const options = extraction();
  await extractEmbeddings(options);
  const [, second = '', third = ''] = readdirSync(options.folder).filter((name) => name.endsWith('.embeddings'));
  const bytes = readFileSync(join(options.folder, second));
  bytes[17] = (bytes[17] as number) ^ 1;
  writeFileSync(join(options.folder, second), bytes);
  writeFileSync(join(options.folder, third), bytes.subarray(0, 20));
  const lines: string[] = [];
  const { embeddings, embedded } = await extractEmbeddings({ ...options, log: (line) => lines.push(line) });
  expect(embedded).toBe(8);
  expect(lines[0]).toBe('2 damaged files of embeddings are replaced');
  expect(await firsts(embeddings, 0, 12)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

test("a folder of another network, of other images or of other code's results is refused", async () => {
  const options = extraction();
  await extractEmbeddings(options);
  await expect(extractEmbeddings({ ...options, weights: 'v' })).rejects.toThrow(
    /embeddings of other images or by another/,
  );
  const inference = network([], (index) => 2 * index + 2);
  await expect(extractEmbeddings({ ...options, inference })).rejects.toThrow(/differ from this network's: remove it/);
});

test('an embedding that is not finite is an error that names the image, and is not stored', async () => {
  const inference = network([], (index) => (index === 6 ? Number.NaN : index));
  const options = extraction({ inference, nameOf: (index) => `${index + 1}.jpg` });
  await expect(extractEmbeddings(options)).rejects.toThrow(
    'The embedding of image 6 of tiny, 7.jpg, is not finite: it holds NaN.',
  );
  expect(existsSync(join(options.folder, '00001.embeddings'))).toBe(false);
});

test('of two concurrent extractions of the same images, one waits and uses the result', async () => {
  const options = extraction();
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const both = await Promise.all([extractEmbeddings({ ...options, log }), extractEmbeddings({ ...options, log })]);
  expect(both.map(({ embedded }) => embedded).sort((a, b) => a - b)).toEqual([0, images]);
  expect(lines).toEqual(['another process embeds these images; waiting for it']);
});
