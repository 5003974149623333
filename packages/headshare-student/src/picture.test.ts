import type { Card, Preparation } from './card';
import { mirrored, type Picture, toPicture } from './picture';
import { prepare } from './prepare';

const picture = (width: number, height: number, ...pixels: number[]): Picture => ({
  pixels: Uint8Array.from(pixels),
  width,
  height,
});
const red = [255, 0, 0];
const blue = [0, 0, 255];

test('RGBA loses its alpha and keeps its colours', () => {
  const data = Uint8ClampedArray.of(...red, 0, ...blue, 128);
  expect(toPicture({ data, width: 2, height: 1 })).toEqual(picture(2, 1, ...red, ...blue));
});

test('RGB stays as it is', () => {
  const data = Uint8Array.of(...red, ...blue);
  expect(toPicture({ data, width: 1, height: 2 })).toEqual(picture(1, 2, ...red, ...blue));
});

test.each([
  [{ data: Uint8Array.of(1, 2), width: 1, height: 1 }, '1 x 1 pixels has 3 bytes (RGB) or 4 (RGBA), not 2'],
  [{ data: Uint8Array.of(), width: 0, height: 1 }, 'width and height must be whole numbers of at least 1'],
  [picture(1, 1, 1), '1 x 1 pixels has 3 bytes'],
])('%#: refused', (source, message) => expect(() => toPicture(source)).toThrow(message));

test('the mirror image exchanges left and right', () => {
  expect(mirrored(picture(2, 1, ...red, ...blue))).toEqual(picture(2, 1, ...blue, ...red));
});

const card = (preparation: Preparation) => ({ input: { height: 2, width: 2, preparation } }) as Pick<Card, 'input'>;
const crop = card({ kind: 'resize', resize: 2 });

test('a wide picture is resized to the height of the input, and its centre cropped', () => {
  const columns = [10, 10, 20, 20, 30, 30, 40, 40].flatMap((grey) => [grey, grey, grey]);
  const wide = picture(8, 4, ...columns, ...columns, ...columns, ...columns);
  // Resized to 4 x 2 by Pillow's bilinear filter; the middle two columns remain.
  expect([...prepare(wide, crop).pixels].filter((_, i) => i % 3 === 0)).toEqual([20, 30, 20, 30]);
});

test('a picture smaller than the input is refused', () => {
  expect(() => prepare(picture(1, 3, ...red, ...red, ...red), crop)).toThrow(
    'This picture has 1 x 3 pixels, fewer than the 2 x 2 of the network',
  );
});

test('a face of another size than the input has to be aligned first', () => {
  const face = card({ kind: 'aligned-face' });
  const exact = picture(2, 2, ...red, ...red, ...blue, ...blue);
  expect(prepare(exact, face)).toEqual(exact);
  expect(() => prepare(picture(1, 1, ...red), face)).toThrow('must be an aligned crop of 2 x 2, as alignFace makes it');
});
