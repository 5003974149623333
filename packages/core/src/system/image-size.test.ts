import fc from 'fast-check';
import { imageSize, parseImageSize, sides, sizeWords } from './image-size';

test.each([
  ['112', 112],
  [' 112 x 96 ', '112x96'],
  ['112X96', '112x96'],
  ['112×96', '112x96'],
  ['112x112', 112],
  ['0112x096', '112x96'],
] as const)('%p is a size', (text, size) => {
  expect(parseImageSize(text)).toBe(size);
});

test.each([['', 'x', '112x', 'x96', '112x96x3', '112,96', '11.5', '-3', '1e2', '112 96', 'NaN', '0x70a', '1234567']])(
  '%p is no size',
  (...texts) => {
    for (const text of texts) expect(parseImageSize(text)).toBeUndefined();
  },
);

test('a size is written and read again; a square is a number', () => {
  const side = fc.integer({ min: 1, max: 999_999 });
  fc.assert(
    fc.property(side, side, (height, width) => {
      const size = imageSize({ height, width });
      expect(typeof size).toBe(height === width ? 'number' : 'string');
      expect(sides(size)).toEqual({ height, width });
      expect(parseImageSize(String(size))).toBe(size);
      expect(sizeWords(size)).toBe(`${height} x ${width}`);
    }),
  );
});
