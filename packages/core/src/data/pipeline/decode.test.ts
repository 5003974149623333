import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Box } from '../sources/image-source';
import { decodeInto } from './decode';
import { readJpegHeader } from './jpeg-header';
import { loadNativeImages } from './native';
import { centreCrop, stretched } from './transforms';

interface Expected {
  readonly crops: readonly {
    readonly file: string;
    readonly box: Box;
    readonly size: number;
    readonly pixels: string;
  }[];
  readonly evaluation: readonly {
    readonly file: string;
    readonly resize: number;
    readonly size: number;
    readonly pixels: string;
  }[];
}

const folder = join(__dirname, '../../../fixtures/images');
const file = (name: string): Uint8Array => readFileSync(join(folder, name));
// make-images.py in that folder wrote it with Pillow and torchvision.
const expected: Expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));
const native = loadNativeImages();
const decoders = { sharp: undefined, ...(native && { native }) };

function largestDifference(found: Uint8Array, base64: string): number {
  return Buffer.from(base64, 'base64').reduce(
    (most, byte, i) => Math.max(most, Math.abs(byte - (found[i] ?? -999))),
    0,
  );
}

describe.each(Object.entries(decoders))('%s', (_, decoder) => {
  test.each(expected.crops.map((one) => [one.file, one.box.join(), one] as const))(
    '%s, box %s: equals Pillow',
    async (name, _box, { box, size, pixels }) => {
      const found = new Uint8Array(size * size * 3);
      const options = { size, box, native: decoder, applyOrientation: false };
      const choose = (width: number, height: number) => ({
        sampling: stretched([0, 0, width, height], size),
        mirrored: false,
      });
      await decodeInto(file(name), choose, options, found);
      // libvips converts CMYK with a colour profile, Pillow inverts it.
      expect(largestDifference(found, pixels)).toBeLessThanOrEqual(name === 'cmyk.jpg' ? 120 : 0);
    },
  );

  test.each(expected.evaluation.map((one) => [one.file, one.resize, one.size, one] as const))(
    '%s: resized to %d and cropped to %d like torchvision',
    async (name, resize, size, { pixels }) => {
      const found = new Uint8Array(size * size * 3);
      const choose = (width: number, height: number) => ({
        sampling: centreCrop(width, height, resize, size),
        mirrored: false,
      });
      await decodeInto(file(name), choose, { size, native: decoder, applyOrientation: false }, found);
      expect(largestDifference(found, pixels)).toBe(0);
    },
  );

  test('EXIF orientation is applied on request', async () => {
    const sizes: number[][] = [];
    const choose = (width: number, height: number) => {
      sizes.push([width, height]);
      return { sampling: stretched([0, 0, width, height], 8), mirrored: false };
    };
    const target = new Uint8Array(192);
    for (const applyOrientation of [false, true]) {
      await decodeInto(file('turned.jpg'), choose, { size: 8, native: decoder, applyOrientation }, target);
    }
    expect(sizes).toEqual([
      [120, 90],
      [90, 120],
    ]);
  });

  test('what reaches beyond the picture is cut off a box', async () => {
    const read = async (box: Box) => {
      const target = new Uint8Array(192);
      const choose = (w: number, h: number) => ({ sampling: stretched([0, 0, w, h], 8), mirrored: false });
      await decodeInto(file('colour.jpg'), choose, { size: 8, box, native: decoder, applyOrientation: false }, target);
      return target;
    };
    expect(await read([61, 4, 60, 30])).toEqual(await read([61, 4, 59, 30]));
    expect(await read([-5, -9, 40, 200])).toEqual(await read([0, 0, 35, 90]));
    await expect(read([120, 0, 5, 5])).rejects.toThrow('its box 120, 0, 5 x 5 has no area within');
    await expect(read([3, -20, 5, 20])).rejects.toThrow('has no area within the picture of 120 x 90 pixels');
  });

  test('mirroring reverses the columns', async () => {
    const [plain, mirrored] = await Promise.all(
      [false, true].map(async (mirrored) => {
        const target = new Uint8Array(48);
        const choose = (w: number, h: number) => ({ sampling: stretched([0, 0, w, h], 4), mirrored });
        await decodeInto(file('colour.jpg'), choose, { size: 4, native: decoder, applyOrientation: false }, target);
        return target;
      }),
    );
    for (let x = 0; x < 4; x++) {
      expect(mirrored?.subarray(x * 3, x * 3 + 3)).toEqual(plain?.subarray(9 - x * 3, 12 - x * 3));
    }
  });

  test.each([
    ['truncated', file('colour.jpg').subarray(0, 3000)],
    ['truncated within its header', file('colour.jpg').subarray(0, 100)],
    ['not a picture', Buffer.from('no picture at all')],
    ['empty', new Uint8Array(0)],
  ])('a file is refused: %s', async (_name, bytes) => {
    const choose = (w: number, h: number) => ({ sampling: stretched([0, 0, w, h], 4), mirrored: false });
    const decoding = decodeInto(
      bytes,
      choose,
      { size: 4, native: decoder, applyOrientation: false },
      new Uint8Array(48),
    );
    await expect(decoding).rejects.toThrow();
  });
});

test('16-bit grey keeps the upper 8 bits', async () => {
  const choose = () => ({
    sampling: { box: [0, 0, 60, 45] as const, width: 60, height: 45, x: 0, y: 0 },
    mirrored: false,
  });
  const target = new Uint8Array(45 * 45 * 3);
  await decodeInto(file('grey16.png'), choose, { size: 45, applyOrientation: false }, target);
  const grey = new Uint8Array(45 * 45 * 3);
  await decodeInto(file('grey-alpha.png'), choose, { size: 45, applyOrientation: false }, grey);
  expect(target).toEqual(grey);
});

test('a JPEG header gives size, components and orientation', () => {
  expect(readJpegHeader(file('turned.jpg'))).toEqual({
    width: 120,
    height: 90,
    components: 3,
    bits: 8,
    orientation: 6,
    frame: 194,
    regular: true,
  });
  expect(readJpegHeader(file('cmyk.jpg'))).toMatchObject({ components: 4, orientation: 1 });
  expect(readJpegHeader(file('progressive.jpg'))).toMatchObject({ width: 120, height: 90 });
  expect(readJpegHeader(file('palette.png'))).toBeUndefined();
});
