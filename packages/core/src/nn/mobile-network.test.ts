import { inEights } from './mobile-network';

test('inEights rounds to the nearest multiple of 8, ties up', () => {
  expect([24, 19.9, 20, 27.9].map((channels) => inEights(channels))).toEqual([24, 24, 24, 32]);
  expect(inEights(96, 0.75)).toBe(72);
});

test('inEights gives at least 8, and at least nine tenths of the request', () => {
  expect(inEights(16, 0.1)).toBe(8);
  expect([11, 17].map((channels) => inEights(channels))).toEqual([16, 16]);
});
