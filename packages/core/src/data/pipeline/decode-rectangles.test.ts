import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageSize } from '../../system/image-size';
import { imageBytes } from '../dataset';
import type { Box } from '../sources/image-source';
import { type Choose, decodeInto } from './decode';
import { loadNativeImages } from './native';
import { centreCrop, stretched } from './transforms';

interface Picture {
  readonly file: string;
  readonly size: ImageSize;
  readonly pixels: string;
}

interface Expected {
  readonly crops: readonly (Picture & { readonly box: Box })[];
  readonly evaluation: readonly (Picture & { readonly cover: ImageSize })[];
}

const folder = join(__dirname, '../../../fixtures/images');
// make-rectangles.py in that folder wrote it with Pillow and torchvision.
const expected: Expected = JSON.parse(readFileSync(join(folder, 'rectangles.json'), 'utf8'));
const native = loadNativeImages();
const decoders = { sharp: undefined, ...(native && { native }) };

describe.each(Object.entries(decoders))('%s', (_, decoder) => {
  async function decoded({ file, size }: Picture, choose: Choose, box?: Box): Promise<string> {
    const found = new Uint8Array(imageBytes({ size }));
    const options = { size, box, native: decoder, applyOrientation: false };
    await decodeInto(readFileSync(join(folder, file)), choose, options, found);
    return Buffer.from(found).toString('base64');
  }

  test.each(expected.crops.map((one) => [one.file, one.box.join(), one.size, one] as const))(
    '%s: the box %s resized to %s has the bytes of torchvision',
    async (_file, _box, size, one) => {
      const choose: Choose = (width, height) => ({ sampling: stretched([0, 0, width, height], size), mirrored: false });
      expect(await decoded(one, choose, one.box)).toBe(one.pixels);
    },
  );

  test.each(expected.evaluation.map((one) => [one.file, one.cover, one.size, one] as const))(
    '%s: resized to cover %s and cropped to %s, it has the bytes of torchvision',
    async (_file, cover, size, one) => {
      const choose: Choose = (width, height) => ({ sampling: centreCrop(width, height, cover, size), mirrored: false });
      expect(await decoded(one, choose)).toBe(one.pixels);
    },
  );

  test('mirroring reverses the columns of unequal sides', async () => {
    const rows = async (mirrored: boolean) => {
      const choose: Choose = (width, height) => ({ sampling: stretched([0, 0, width, height], '3x5'), mirrored });
      const text = await decoded({ file: 'colour.jpg', size: '3x5', pixels: '' }, choose);
      const pixels = Buffer.from(text, 'base64').toString('hex').match(/.{6}/g) ?? [];
      return [0, 5, 10].map((from) => pixels.slice(from, from + 5));
    };
    expect(await rows(true)).toEqual((await rows(false)).map((row) => row.reverse()));
  });
});
