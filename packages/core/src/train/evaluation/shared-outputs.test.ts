import fc from 'fast-check';
import { imagesInMemory } from '../../data/dataset';
import { inferenceBy } from './inference';
import type { Spread } from './shared-outputs';

const batchSize = 4;

/** Images of one pixel whose bytes are their index, and an "engine" whose embedding is that byte, twice. */
const numbered = (count: number) =>
  imagesInMemory(
    { name: 'numbered', classes: 2, size: 1, labels: new Int32Array(count), fingerprint: 'numbered' },
    Uint8Array.from({ length: count * 3 }, (_, i) => Math.floor(i / 3)),
  );
const firstOf = (pixels: Uint8Array) => Float32Array.from({ length: batchSize }, (_, i) => pixels[i * 3] as number);
const engine = (runs: number[] = []) => ({
  embed: async (pixels: Uint8Array) => {
    runs.push(1);
    return { embedding: firstOf(pixels), flipped: firstOf(pixels).map((value) => -value) };
  },
  classify: async (pixels: Uint8Array) => ({
    logits: Float32Array.from({ length: batchSize * 2 }, (_, i) => pixels[Math.floor(i / 2) * 3] as number),
  }),
});

/** `of` processes in this one: `gather` resolves once all have called it. */
function together(of: number): readonly Spread[] {
  let waiting: { values: Float32Array; resolve: (all: Float32Array) => void; index: number }[] = [];
  return Array.from({ length: of }, (_, index) => ({
    of,
    index,
    gather: (values) =>
      new Promise((resolve) => {
        waiting.push({ values, resolve, index });
        if (waiting.length < of) return;
        const all = waiting.sort((a, b) => a.index - b.index);
        waiting = [];
        const joined = Float32Array.from(all.flatMap((one) => [...one.values]));
        for (const one of all) one.resolve(joined);
      }),
    shareUnreadable: async () => undefined,
  }));
}

describe('inference shared by several processes', () => {
  it('gives every process what one process computes, for any number of images', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 5 }), async (count, of) => {
        const images = numbered(count);
        const alone = await inferenceBy(engine(), batchSize).embed(images);
        const all = await Promise.all(
          together(of).map((spread) => inferenceBy(engine(), batchSize, () => spread).embed(images)),
        );
        for (const one of all) expect(one).toEqual(alone);
        expect([...alone.embeddings]).toEqual(Array.from({ length: count }, (_, i) => i));
      }),
      { numRuns: 50 },
    );
  });

  it('runs each batch in one process', async () => {
    const runs: number[][] = [[], []];
    await Promise.all(
      together(2).map((spread, i) => inferenceBy(engine(runs[i]), batchSize, () => spread).embed(numbered(16))),
    );
    expect(runs.map(({ length }) => length)).toEqual([2, 2]);
  });

  it('gives batches of a subset and logits in order', async () => {
    const subset = [9, 3, 5, 7, 1, 0, 2];
    const seen = await Promise.all(
      together(3).map(async (spread) => {
        const inference = inferenceBy(engine(), batchSize, () => spread);
        const indices: number[] = [];
        await inference.embedEach(numbered(10), (batch) => void indices.push(...batch.indices), subset);
        const logits: number[] = [];
        await inference.classify(numbered(10), (rows, from, count) => {
          expect(from).toBe(logits.length);
          logits.push(...rows.filter((_, i) => i % 2 === 0).slice(0, count));
        });
        return { indices, logits };
      }),
    );
    for (const one of seen) {
      expect(one.indices).toEqual(subset);
      expect(one.logits).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
  });
});
