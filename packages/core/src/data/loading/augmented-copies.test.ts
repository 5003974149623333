import { type ImageDataset, imageBytes } from '../dataset';
import { repeatOf, viewOf, viewsOf } from './augmented-copies';
import { type Augmentation, type Batch, batches } from './batches';

const size = 4;
const bytes = imageBytes({ size });
const flips: Augmentation = { flip: true };
const crops: Augmentation = { flip: true, crop: { pad: 1 } };

/** Image i is all different bytes, from i on. */
const dataset: ImageDataset = {
  name: 'ramps',
  classes: 1,
  size,
  labels: new Int32Array(12),
  fingerprint: 'ramps',
  async read(indices, target) {
    for (let i = 0; i < indices.length; i++) {
      for (let k = 0; k < bytes; k++) target[i * bytes + k] = (indices[i] as number) + 7 * k;
    }
  },
  close: async () => undefined,
};

const viewed = (mirrors?: ImageDataset['mirrors']): ImageDataset => ({ ...dataset, viewed: true, mirrors });

async function collect(shown: AsyncIterable<Batch>): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of shown) all.push(batch);
  return all;
}

test('views have an end where nothing is drawn, where images are but mirrored, and where that is asked for', () => {
  expect(viewsOf(dataset, {}, 0)).toEqual({ kind: 'as-is', count: 1 });
  expect(viewsOf(dataset, {}, 5)).toEqual({ kind: 'as-is', count: 1 });
  expect(viewsOf(dataset, { crop: { pad: 0 } }, 0)).toEqual({ kind: 'as-is', count: 1 });
  expect(viewsOf(dataset, flips, 0)).toEqual({ kind: 'mirrored', count: 2 });
  expect(viewsOf(dataset, flips, 3)).toEqual({ kind: 'drawn', count: 3 });
  expect(viewsOf(dataset, crops, 0)).toBeUndefined();
  expect(viewsOf(dataset, crops, 3)).toEqual({ kind: 'drawn', count: 3 });
});

test('a data set that augments itself has no end of views unless it says that it only mirrors', () => {
  expect(viewsOf(viewed(), {}, 0)).toBeUndefined();
  expect(viewsOf(viewed(), {}, 2)).toEqual({ kind: 'drawn', count: 2 });
  expect(
    viewsOf(
      viewed(() => true),
      {},
      0,
    ),
  ).toEqual({ kind: 'mirrored', count: 2 });
});

const cases = [
  ['as-is', {}, 0],
  ['mirrored', flips, 0],
  ['drawn', crops, 3],
] as const;

test.each(cases)('each image of a training shows the view that its batch tells: %s', async (_, augment, repeat) => {
  const views = viewsOf(dataset, augment, repeat);
  if (!views) throw new Error('no views');
  const known = new Map<string, Uint8Array>();
  for (let view = 0; view < views.count; view++) {
    for (const { images, indices, count } of await collect(viewOf(dataset, augment, views, view, { batchSize: 5 }))) {
      for (let i = 0; i < count; i++) known.set(`${indices[i]} ${view}`, images.slice(i * bytes, (i + 1) * bytes));
    }
  }
  expect(known.size).toBe(12 * views.count);
  const shown = new Set<number>();
  for (let epoch = 0; epoch < 7; epoch++) {
    const options = { batchSize: 4, seed: 5, epoch, shuffle: true, augment, repeat: repeatOf(views) };
    for (const batch of await collect(batches(dataset, { ...options, lastBatch: 'drop' }))) {
      for (const [i, index] of batch.indices.entries()) {
        const view = batch.views[i] as number;
        shown.add(view);
        expect(batch.images.slice(i * bytes, (i + 1) * bytes)).toEqual(known.get(`${index} ${view}`));
      }
    }
  }
  expect(shown.size).toBe(views.count);
});

test('a data set that mirrors by itself tells where, and its mirror images are made of what it shows in evaluation', async () => {
  const mirrors: ImageDataset['mirrors'] = (index, { epoch }) => (index + epoch) % 2 === 1;
  const [batch] = await collect(
    batches(viewed(mirrors), { batchSize: 4, seed: 1, epoch: 3, augment: {}, lastBatch: 'drop' }),
  );
  expect(Array.from(batch?.views ?? [])).toEqual([1, 0, 1, 0]);
  const [mirrored] = await collect(viewOf(viewed(mirrors), {}, { kind: 'mirrored', count: 2 }, 1, { batchSize: 1 }));
  expect(Array.from(mirrored?.images.subarray(0, 3) ?? [])).toEqual([63, 70, 77]);
});

test('views that repeat are the same for every seed; the order of images is not', async () => {
  const epoch = async (seed: number, number: number) => {
    const options = { batchSize: 12, seed, epoch: number, shuffle: true, augment: crops, repeat: 2 };
    const [batch] = await collect(batches(dataset, { ...options, lastBatch: 'drop' }));
    const { images = new Uint8Array(), indices = new Int32Array() } = batch ?? {};
    return {
      order: Array.from(indices),
      byImage: new Map(Array.from(indices, (index, i) => [index, images.slice(i * bytes, (i + 1) * bytes).join()])),
    };
  };
  const [one, other, third] = [await epoch(1, 0), await epoch(2, 2), await epoch(1, 1)];
  expect(one.order).not.toEqual(other.order);
  for (const [index, image] of one.byImage) expect(other.byImage.get(index)).toBe(image);
  expect([...one.byImage].filter(([index, image]) => third.byImage.get(index) === image).length).toBeLessThan(12);
});

test('rows are read along with the images, in the order of the batch', async () => {
  const rows = async (indices: Int32Array, views: Int32Array) =>
    Float32Array.from(indices, (index, i) => index * 10 + (views[i] as number));
  const options = { batchSize: 4, seed: 1, epoch: 0, shuffle: true, augment: flips, rows } as const;
  for (const batch of await collect(batches(dataset, { ...options, lastBatch: 'drop' }))) {
    expect(Array.from(batch.rows ?? [])).toEqual(
      Array.from(batch.indices, (index, i) => index * 10 + (batch.views[i] as number)),
    );
  }
});
