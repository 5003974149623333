import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

export const oddKinds = ['plain', 'grey', 'cmyk', 'png', 'rotated'] as const;
export type ImageKind = (typeof oddKinds)[number];

/** A picture with a bright upper left corner on a colour of its class, 3 x 2 in shape unless told. */
export async function exampleImage(
  label: number,
  number: number,
  { kind = 'plain', width = 60, height = 40 }: { kind?: ImageKind; width?: number; height?: number } = {},
): Promise<Buffer> {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const corner = x < width / 3 && y < height / 3;
      pixels[to] = corner ? 250 : (40 + 83 * label) % 200;
      pixels[to + 1] = corner ? 240 : (120 + 47 * label + number * 9) % 200;
      pixels[to + 2] = corner ? 230 : (80 + 29 * label + x) % 200;
    }
  }
  const image = sharp(pixels, { raw: { width, height, channels: 3 } });
  switch (kind) {
    case 'plain':
      return image.jpeg({ quality: 90 }).toBuffer();
    case 'grey':
      return image.toColourspace('b-w').jpeg({ quality: 90 }).toBuffer();
    case 'cmyk':
      return image.toColourspace('cmyk').jpeg({ quality: 90 }).toBuffer();
    case 'png':
      return image.png().toBuffer();
    case 'rotated':
      return image.withMetadata({ orientation: 6 }).jpeg({ quality: 90 }).toBuffer();
  }
}

/** A JPEG whose header is there and nothing behind it. */
export function cutOff(image: Buffer): Buffer {
  return image.subarray(0, 12);
}

export interface ClassFolderExample {
  readonly classNames: readonly string[];
  readonly images?: number;
  /** Where image i (from 0) of a class goes, below the folder. */
  readonly path: (className: string, i: number) => string;
  /** One more file of the first class that is no whole image. */
  readonly corrupt?: string;
}

/** Writes images by class: of each class one of every kind that real sets have, as far as `images` (default 5) reach. */
export async function writeClassFolders(folder: string, example: ClassFolderExample): Promise<void> {
  const { classNames, images = 5, path, corrupt } = example;
  for (const [label, className] of classNames.entries()) {
    for (let i = 0; i < images; i++) {
      const kind = oddKinds[i % oddKinds.length];
      await writeInto(join(folder, path(className, i)), await exampleImage(label, i, { kind }));
    }
  }
  if (corrupt !== undefined) await writeInto(join(folder, corrupt), cutOff(await exampleImage(0, 0)));
}

export async function writeInto(file: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}
