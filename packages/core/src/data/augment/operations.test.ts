import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brightness, contrast, hue, saturation, sharpness } from './color';
import type { Image } from './image';
import { operations } from './rand-augment';

interface Expected {
  readonly image: { readonly width: number; readonly height: number; readonly pixels: string };
  readonly operations: readonly {
    readonly name: string;
    readonly amount: number;
    readonly magnitude?: number;
    readonly sign?: number;
    readonly pixels: string;
  }[];
}

// make-images.py in that folder wrote it with Pillow and torchvision.
const expected: Expected = JSON.parse(readFileSync(join(__dirname, '../../../fixtures/images/expected.json'), 'utf8'));
const image: Image = { ...expected.image, pixels: new Uint8Array(Buffer.from(expected.image.pixels, 'base64')) };
const adjusting = { brightness, contrast, hue, saturation, sharpness };

test.each(expected.operations.map((one) => [one.name, one.magnitude ?? one.amount, one.sign ?? 1, one] as const))(
  '%s %d (%d) equals Pillow to the bit',
  (name, _, __, { amount, magnitude, sign = 1, pixels }) => {
    const before = image.pixels.slice();
    const result =
      magnitude === undefined
        ? adjusting[name as keyof typeof adjusting](image, amount)
        : randAugmented(name, magnitude, sign);
    expect(Buffer.from(result.pixels).toString('base64')).toBe(pixels);
    expect(image.pixels).toEqual(before);
  },
);

function randAugmented(name: string, magnitude: number, sign: number): Image {
  const operation = operations[name];
  if (operation === undefined) throw new Error(`no operation ${name}`);
  return operation.apply(image, sign * operation.strength(magnitude / 30, image));
}
