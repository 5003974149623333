import fc from 'fast-check';
import { elementTypes } from '../weights/element-types';
import { toFloat16 } from './float16';

function fromFloat16(bits: number): number {
  const view = new DataView(new ArrayBuffer(2));
  view.setUint16(0, bits, true);
  return elementTypes.get('float16')?.read(view, 0) as number;
}

test.each([
  [0, 0x0000],
  [-0, 0x8000],
  [1, 0x3c00],
  [-2, 0xc000],
  [65504, 0x7bff],
  [65519, 0x7bff],
  [65520, 0x7c00],
  [-1e9, 0xfc00],
  [Number.POSITIVE_INFINITY, 0x7c00],
  [2 ** -14, 0x0400],
  [2 ** -24, 0x0001],
  // Halves round to the even neighbour: 0 rather than 2^-24, and 1 rather than 1 + 2^-10.
  [2 ** -25, 0x0000],
  [2 ** -25 * 1.001, 0x0001],
  [2 ** -26, 0x0000],
  [1 + 2 ** -11, 0x3c00],
  [1 + 3 * 2 ** -11, 0x3c02],
])('%p is encoded as %p', (value, bits) => {
  expect(toFloat16(value)).toBe(bits);
});

test('NaN stays NaN', () => {
  expect(fromFloat16(toFloat16(Number.NaN))).toBeNaN();
});

test('every float16 number is unchanged', () => {
  for (let bits = 0; bits < 65536; bits++) {
    const value = fromFloat16(bits);
    if (!Number.isNaN(value) && toFloat16(value) !== bits)
      throw new Error(`${value}: ${toFloat16(value)}, not ${bits}`);
  }
});

test('no other float16 number is nearer', () => {
  const value = fc.float({ min: -65504, max: 65504, noNaN: true });
  fc.assert(
    fc.property(value, (number) => {
      const bits = toFloat16(number);
      const distance = Math.abs(fromFloat16(bits) - number);
      for (const other of [bits - 1, bits + 1]) {
        const near = fromFloat16(other & 0xffff);
        if (Number.isFinite(near)) expect(distance).toBeLessThanOrEqual(Math.abs(near - number));
      }
    }),
  );
});
