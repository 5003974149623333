import fc from 'fast-check';
import { checkClassShare, classSampler } from './partial-fc';

test("the batch's classes come first, columns point at them, and other classes appear once, whatever earlier steps sampled", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      fc.integer({ min: 1, max: 16 }),
      fc.nat(),
      (classes, share, batchSize, seed) => {
        const options = { classes, share, batchSize, seed };
        const sampler = classSampler(options);
        expect(sampler.count).toBe(Math.max(Math.floor(share * classes), Math.min(batchSize, classes)));
        const labels = Int32Array.from({ length: batchSize }, (_, i) => (i * 7 + seed) % classes);
        sampler.draw(labels, 1);
        const sampled = sampler.draw(labels, 2);
        const distinct = new Set(labels);
        expect(sampled.classes).toHaveLength(sampler.count);
        expect(new Set(sampled.classes).size).toBe(sampler.count);
        expect(sampled.classes.every((label) => label >= 0 && label < classes)).toBe(true);
        expect([...sampled.classes.subarray(0, distinct.size)]).toEqual([...distinct]);
        expect([...sampled.columns].map((column) => sampled.classes[column])).toEqual([...labels]);
        expect(classSampler(options).draw(labels, 2)).toEqual(sampled);
      },
    ),
    { numRuns: 100, seed: 1 },
  );
});

test('other classes are sampled uniformly and independently at each step', () => {
  const sampler = classSampler({ classes: 50, share: 0.2, batchSize: 2, seed: 3 });
  const counts = new Int32Array(50);
  const steps = 5000;
  for (let step = 0; step < steps; step++)
    for (const label of sampler.draw(Int32Array.of(4, 4), step).classes) counts[label] = (counts[label] ?? 0) + 1;
  expect(counts[4]).toBe(steps);
  // Each step samples 9 of the 49 other classes; the counts lie within 5 standard deviations.
  const share = 9 / 49;
  const bound = 5 * Math.sqrt(steps * share * (1 - share));
  for (const [label, count] of counts.entries())
    if (label !== 4) expect(Math.abs(count - steps * share)).toBeLessThan(bound);
});

test('settings that Partial FC does not work with are refused', () => {
  const fine = { classShare: 0.5, emaDecay: 0 };
  expect(() => checkClassShare(fine)).not.toThrow();
  expect(() => checkClassShare({ classShare: 1, emaDecay: 0.9 })).not.toThrow();
  expect(() => checkClassShare({ ...fine, emaDecay: 0.9 })).toThrow('does not work with --ema-decay 0.9');
});
