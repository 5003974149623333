import fc from 'fast-check';
import { verificationPairs } from './generate-pairs';

const settings = fc.record({
  identities: fc.integer({ min: 4, max: 30 }),
  imagesPerIdentity: fc.integer({ min: 4, max: 8 }),
  genuine: fc.constantFrom(2, 8, 12),
  impostor: fc.constantFrom(2, 8, 12),
  folds: fc.constant(2),
  seed: fc.integer(),
});

test('pairs are distinct, labelled rightly, and never an image with itself', () => {
  fc.assert(
    fc.property(settings, (options) => {
      const { left, right, same } = verificationPairs(options);
      const person = (image: number) => Math.floor(image / options.imagesPerIdentity);
      const keys = new Set<string>();
      for (const [i, a] of left.entries()) {
        const b = right[i] as number;
        expect(a).not.toBe(b);
        expect(person(a) === person(b)).toBe(same[i] === 1);
        keys.add([a, b].sort().join());
      }
      expect(keys.size).toBe(options.genuine + options.impostor);
    }),
  );
});

test('folds follow one another, genuine first, and share no person', () => {
  fc.assert(
    fc.property(settings, (options) => {
      const { left, right, same } = verificationPairs(options);
      const perFold = left.length / options.folds;
      const people = Array.from({ length: options.folds }, () => new Set<number>());
      for (const [i, a] of left.entries()) {
        for (const image of [a, right[i] as number])
          people[Math.floor(i / perFold)]?.add(Math.floor(image / options.imagesPerIdentity));
      }
      const [first, second] = people as [Set<number>, Set<number>];
      expect([...first].filter((person) => second.has(person))).toEqual([]);
      const fold = [...Array(options.genuine / 2).fill(1), ...Array(options.impostor / 2).fill(0)];
      expect(Array.from(same)).toEqual([...fold, ...fold]);
    }),
  );
});

test('the same seed gives the same pairs', () => {
  const options = { identities: 40, imagesPerIdentity: 5, genuine: 100, impostor: 100 };
  expect(verificationPairs({ ...options, seed: 3 })).toEqual(verificationPairs({ ...options, seed: 3 }));
  expect(verificationPairs({ ...options, seed: 3 })).not.toEqual(verificationPairs({ ...options, seed: 4 }));
});

test('says why pairs cannot be had', () => {
  const options = { identities: 20, imagesPerIdentity: 2, genuine: 20, impostor: 20, seed: 1 };
  expect(() => verificationPairs({ ...options, genuine: 15 })).toThrow(
    '15 genuine and 20 impostor pairs do not divide into 10 equal folds',
  );
  expect(() => verificationPairs({ ...options, identities: 19 })).toThrow('need at least 20 people, not 19');
  expect(() => verificationPairs({ ...options, genuine: 30 })).toThrow('has 2 genuine pairs, 3 were asked for');
  expect(() => verificationPairs({ ...options, impostor: 50 })).toThrow('has 4 impostor pairs, 5 were asked for');
});
