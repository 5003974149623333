import fc from 'fast-check';
import { stream } from './random';

const draws = (seed: number, keys: (number | string)[], count = 4) => {
  const random = stream(seed, ...keys);
  return Array.from({ length: count }, () => random.uint32());
};

const keys = fc.array(fc.oneof(fc.integer(), fc.string()), { maxLength: 4 });

test('a stream gives these numbers on every machine', () => {
  expect(draws(1, ['order', 0])).toEqual([68018579, 3931205747, 3975465806, 1508552648]);
});

test('equal keys give equal streams; other keys, or another order, give other streams', () => {
  fc.assert(
    fc.property(fc.integer(), keys, keys, (seed, first, second) => {
      const same = JSON.stringify(first) === JSON.stringify(second);
      expect(JSON.stringify(draws(seed, first)) === JSON.stringify(draws(seed, second))).toBe(same);
    }),
  );
});

test('all bits of keys beyond 32 bits matter; fractions are refused', () => {
  expect(draws(2 ** 40, [])).not.toEqual(draws(0, []));
  expect(() => stream(0.5)).toThrow('A seed or key of a random stream must be an integer, not 0.5');
});

test('normal, uniform and below have the expected moments', () => {
  const random = stream(7, 'moments');
  const count = 20_000;
  const mean = (draw: () => number) => Array.from({ length: count }, draw).reduce((a, b) => a + b) / count;
  expect(mean(() => random.normal())).toBeCloseTo(0, 1);
  expect(mean(() => random.normal() ** 2)).toBeCloseTo(1, 1);
  expect(mean(() => random.uniform(2, 4))).toBeCloseTo(3, 1);
  expect(mean(() => random.below(5))).toBeCloseTo(2, 1);
});

test('shuffling keeps every item', () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(fc.integer()), (seed, items) => {
      const shuffled = stream(seed).shuffle([...items]);
      expect(shuffled.sort()).toEqual([...items].sort());
    }),
  );
});
