import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

/** The kinds of image in real datasets. */
const imageKinds = ['plain', 'grey', 'cmyk', 'png', 'rotated'] as const;

/** A picture with a bright upper left corner on a colour of its class, by default three to two. */
export async function exampleImage(
  label: number,
  number: number,
  {
    kind = 'plain',
    width = 60,
    height = 40,
  }: { kind?: (typeof imageKinds)[number]; width?: number; height?: number } = {},
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
  if (kind === 'png') return image.png().toBuffer();
  if (kind === 'grey') image.toColourspace('b-w');
  if (kind === 'cmyk') image.toColourspace('cmyk');
  if (kind === 'rotated') image.withMetadata({ orientation: 6 });
  return image.jpeg({ quality: 90 }).toBuffer();
}

export interface ClassFolderExample {
  readonly classNames: readonly string[];
  /** Images per class, of each kind in turn; default 5. */
  readonly images?: number;
  /** The path of image i (from 0) of a class, below the folder. */
  readonly path: (className: string, i: number) => string;
  /** The path of one more file of the first class, a JPEG that is cut off. */
  readonly corrupt?: string;
}

/** Writes images by class. */
export async function writeClassFolders(folder: string, example: ClassFolderExample): Promise<void> {
  const { classNames, images = 5, path, corrupt } = example;
  for (const [label, className] of classNames.entries()) {
    for (let i = 0; i < images; i++) {
      const kind = imageKinds[i % imageKinds.length];
      await writeInto(join(folder, path(className, i)), await exampleImage(label, i, { kind }));
    }
  }
  if (corrupt !== undefined) await writeInto(join(folder, corrupt), (await exampleImage(0, 0)).subarray(0, 12));
}

/** Writes a file and creates its folder. */
export async function writeInto(file: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}
