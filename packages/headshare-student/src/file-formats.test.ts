import fc from 'fast-check';
import sharp from 'sharp';
import { jpegComponents, withoutExif } from './exif';
import { onnxMetadata } from './onnx-metadata';
import { readCard } from './read-card';
import { tfliteMetadata } from './tflite-metadata';

const turned = { create: { width: 4, height: 2, channels: 3, background: 'red' } } as const;

test.each(['jpeg', 'png', 'webp'] as const)(
  '%s: without EXIF it is no longer turned, and has the same pixels',
  async (format) => {
    const file = await sharp(turned)
      .withExif({ IFD0: { Artist: 'Ada' } })
      .withMetadata({ orientation: 6 })
      .toFormat(format)
      .toBuffer();
    expect((await sharp(file).metadata()).orientation).toBe(6);
    const stripped = withoutExif(file);
    expect((await sharp(stripped).metadata()).orientation ?? 1).toBe(1);
    expect(await sharp(stripped).raw().toBuffer()).toEqual(await sharp(file).raw().toBuffer());
  },
);

test('a file without EXIF is returned as it is', async () => {
  const file = await sharp(turned).png().toBuffer();
  expect(withoutExif(file)).toBe(file);
});

test('CMYK JPEGs have four components', async () => {
  expect(jpegComponents(await sharp(turned).jpeg().toBuffer())).toBe(3);
  expect(jpegComponents(await sharp(turned).toColourspace('cmyk').jpeg().toBuffer())).toBe(4);
  expect(jpegComponents(await sharp(turned).png().toBuffer())).toBeUndefined();
});

test('any bytes, and any cut of a file, are read without a fault', async () => {
  const file = await sharp(turned).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  for (let end = 0; end <= file.length; end++) withoutExif(file.subarray(0, end));
  fc.assert(fc.property(fc.uint8Array(), (bytes) => withoutExif(bytes).length <= bytes.length));
});

/** A field of a protobuf message: number, length, bytes; all short. */
const field = (number: number, value: readonly number[]) => [number * 8 + 2, value.length, ...value];
const text = (letters: string) => [...Buffer.from(letters)];
const entry = (key: string, value: string) => field(14, [...field(1, text(key)), ...field(2, text(value))]);

test('metadata of an ONNX file, among other fields', () => {
  const file = Uint8Array.from([8, 10, ...field(7, text('the graph')), ...entry('a', 'x'), ...entry('b', 'ÿ')]);
  expect(onnxMetadata(file)).toEqual(
    new Map([
      ['a', 'x'],
      ['b', 'ÿ'],
    ]),
  );
});

test('what is no ONNX file, or is cut short, is refused', () => {
  const file = Uint8Array.from(entry('key', 'value'));
  for (let end = 1; end < file.length; end++) {
    expect(() => onnxMetadata(file.subarray(0, end))).toThrow('no ONNX file, or it is cut short');
  }
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      try {
        onnxMetadata(bytes);
      } catch (error) {
        expect((error as Error).message).toMatch('no ONNX file');
      }
    }),
  );
});

test('what is no .tflite file, or is cut short, is refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        tfliteMetadata(Uint8Array.from([...text('\x1c\0\0\0TFL3'), ...bytes]));
      } catch (error) {
        expect((error as Error).message).toBe('This is no .tflite file, or it is cut short');
      }
    }),
  );
  expect(() => readCard(Uint8Array.from(text('\x1c\0\0\0TFL3')))).toThrow('no .tflite file');
  expect(() => readCard(Uint8Array.from(text('<!doctype html>')))).toThrow('no ONNX file');
  expect(() => readCard(Uint8Array.from(entry('key', 'value')))).toThrow('This ONNX file has no card');
});
