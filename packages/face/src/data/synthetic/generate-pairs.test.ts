import fc from 'fast-check';
import { generatePairs } from './generate-pairs';

const settings = fc.record({
  identities: fc.integer({ min: 4, max: 30 }),
  imagesPerIdentity: fc.integer({ min: 4, max: 8 }),
  genuine: fc.constantFrom(2, 8, 12),
  impostor: fc.constantFrom(2, 8, 12),
  folds: fc.constant(2),
  seed: fc.integer(),
});

test('pairs are distinct and correctly labelled, and pair no image with itself', () => {
  fc.assert(
    fc.property(settings, (options) => {
      const { left, right, same } = generatePairs(options);
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

test('in each fold genuine pairs come first, and folds share no person', () => {
  fc.assert(
    fc.property(settings, (options) => {
      const { left, right, same } = generatePairs(options);
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
  expect(generatePairs({ ...options, seed: 3 })).toEqual(generatePairs({ ...options, seed: 3 }));
  expect(generatePairs({ ...options, seed: 3 })).not.toEqual(generatePairs({ ...options, seed: 4 }));
});

test('an impossible number of pairs is an error that gives the possible one', () => {
  const options = { identities: 20, imagesPerIdentity: 2, genuine: 20, impostor: 20, seed: 1 };
  expect(() => generatePairs({ ...options, genuine: 15 })).toThrow(
    '15 genuine and 20 impostor pairs do not divide into 10 equal folds',
  );
  expect(() => generatePairs({ ...options, identities: 19 })).toThrow('need at least 20 people, not 19');
  expect(() => generatePairs({ ...options, genuine: 30 })).toThrow('has 2 genuine pairs, not 3');
  expect(() => generatePairs({ ...options, impostor: 50 })).toThrow('has 4 impostor pairs, not 5');
});
