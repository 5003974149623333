import fc from 'fast-check';
import { nearestEven, toInt8 } from './weights';

test('the numbers of a small matrix, a scale for each column', () => {
  const values = Float32Array.of(1.27, -0.5, 0, -0.635, 0.25, 0, 0.005, 2, 0);
  const { shape, quantities, scales } = toInt8({ shape: [3, 3], values }, 1);
  expect(shape).toEqual([3, 3]);
  expect([...scales]).toEqual([Math.fround(Math.fround(1.27) / 127), Math.fround(2 / 127), 1]);
  expect([...quantities]).toEqual([127, -32, 0, -64, 16, 0, 0, 127, 0]);
});

test('the numbers of filters, a scale for each of the first axis', () => {
  const values = Float32Array.of(-127, 3.5, 2.5, 0.4, 254, 5, -5, 3);
  const { quantities, scales } = toInt8({ shape: [2, 2, 2], values }, 0);
  expect([...scales]).toEqual([1, 2]);
  expect([...quantities]).toEqual([-127, 4, 2, 0, 127, 2, -2, 2]);
});

test('halves go to the even number', () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49, -0.51].map((value) => nearestEven(value) + 0)).toEqual([
    0, 2, 2, 0, -2, -2, 0, -1,
  ]);
});

test('each weight is kept to half a step, and the largest of a channel is 127', () => {
  const value = fc.float({ noNaN: true, noDefaultInfinity: true });
  const matrix = fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }))
    .chain(([a, b, c]) =>
      fc.record({
        shape: fc.constant([a, b, c]),
        values: fc.array(value, { minLength: a * b * c, maxLength: a * b * c }),
        axis: fc.integer({ min: 0, max: 2 }),
      }),
    );
  fc.assert(
    fc.property(matrix, ({ shape, values, axis }) => {
      const weights = { shape, values: Float32Array.from(values) };
      const { quantities, scales } = toInt8(weights, axis);
      const opposite = toInt8({ shape, values: weights.values.map((one) => -one) }, axis);
      const inner = shape.slice(axis + 1).reduce((x, y) => x * y, 1);
      weights.values.forEach((weight, i) => {
        const scale = scales[Math.floor(i / inner) % (shape[axis] as number)] as number;
        const quantity = quantities[i] as number;
        // The scale itself is rounded to float32, by more where it is next to zero.
        expect(Math.abs(weight - quantity * scale)).toBeLessThanOrEqual(0.5 * scale * (1 + 1e-5) + 128 * 2 ** -149);
        expect(Math.abs(quantity)).toBeLessThanOrEqual(127);
        expect((opposite.quantities[i] as number) + quantity).toBe(0);
      });
    }),
  );
});
