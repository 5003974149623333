import fc from 'fast-check';
import type { Threshold } from './card';
import { strictestThreshold, thresholdFor } from './threshold';

const measured: Threshold[] = [
  { far: 0.1, reachedFar: 0.1, threshold: 0.2, tar: 0.99, measurable: true },
  { far: 0.01, reachedFar: 0.01, threshold: 0.3, tar: 0.9, measurable: true },
  { far: 0.001, reachedFar: 0.001, threshold: 0.4, tar: 0.7, measurable: true },
];

test('two pictures: the threshold measured at the rate', () => {
  expect(thresholdFor(measured, 0.01)).toEqual({ threshold: 0.3, tar: 0.9, strangers: 0.01 });
});

test('a rate between two measured ones takes the stricter threshold', () => {
  expect(thresholdFor(measured, 0.05)).toEqual({ threshold: 0.3, tar: 0.9, strangers: 0.01 });
});

test('ten people need the threshold of a rate ten times smaller', () => {
  const { threshold, strangers } = thresholdFor(measured, 0.1, 10);
  expect(threshold).toBe(0.3);
  expect(strangers).toBeCloseTo(1 - 0.99 ** 10, 12);
});

test('where no measured threshold is strict enough, that is an error; the strictest one tells the strangers who pass', () => {
  expect(() => thresholdFor(measured, 0.01, 200)).toThrow(
    'No threshold was measured that lets only 0.01 of strangers pass among 200 people: the strictest lets 0.18 pass',
  );
  expect(() => thresholdFor(measured, 0.0001)).toThrow('only 0.0001 of strangers pass: the strictest lets 0.001 pass');
  const { threshold, strangers } = strictestThreshold(measured, 200);
  expect(threshold).toBe(0.4);
  expect(strangers).toBeCloseTo(1 - 0.999 ** 200, 12);
});

test('strangers are counted with the rate that the threshold had on its pairs', () => {
  const reached = [{ far: 0.01, reachedFar: 0.012, threshold: 0.3, tar: 0.9, measurable: true }];
  expect(thresholdFor(reached, 0.01).strangers).toBe(0.012);
});

test('more people never get a laxer threshold', () => {
  const far = fc.double({ min: 1e-6, max: 0.5, noNaN: true });
  fc.assert(
    fc.property(far, fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 1000 }), (rate, a, b) => {
      const [few, many] = [Math.min(a, b), Math.max(a, b)];
      const of = (people: number) => {
        try {
          return thresholdFor(measured, rate, people).threshold;
        } catch {
          return Number.POSITIVE_INFINITY;
        }
      };
      expect(of(many)).toBeGreaterThanOrEqual(of(few));
    }),
  );
});

test.each([
  [undefined, 0.1, 1, 'The file has no measured thresholds'],
  [measured, 1, 1, 'A false accept rate lies between 0 and 1, and is not 1'],
  [measured, Number.NaN, 1, 'A false accept rate lies between 0 and 1, and is not NaN'],
  [measured, 0.1, 0, 'A gallery has a whole number of people, at least 1, and not 0'],
])('%#: refused', (thresholds, far, people, message) => {
  expect(() => thresholdFor(thresholds, far, people)).toThrow(message);
});
