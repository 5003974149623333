import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** An array of bytes as a file in IDX. */
export function idxFile(shape: readonly number[], values: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt16BE(0x08, 1);
  header[3] = shape.length;
  for (const [i, length] of shape.entries()) header.writeUInt32BE(length, 4 + 4 * i);
  return Buffer.concat([header, values]);
}

/** Writes a tiny set in MNIST's files: squares of 28 pixels, lighter from class to class. */
export function writeIdxExample(folder: string, classes = 10, imagesPerClass = 3): void {
  mkdirSync(folder, { recursive: true });
  for (const [split, each] of [
    ['train', imagesPerClass],
    ['t10k', 1],
  ] as const) {
    const labels = Uint8Array.from({ length: classes * each }, (_, i) => i % classes);
    const pixels = Uint8Array.from({ length: labels.length * 784 }, (_, at) => {
      const [image, x, y] = [Math.floor(at / 784), at % 28, Math.floor(at / 28) % 28];
      return x > 4 && x < 23 && y > 4 && y < 23 ? 40 + 20 * (labels[image] as number) + (image % 7) : 0;
    });
    const write = (name: string, bytes: Buffer) => writeFileSync(join(folder, `${split}-${name}.gz`), gzipSync(bytes));
    write('images-idx3-ubyte', idxFile([labels.length, 28, 28], pixels));
    write('labels-idx1-ubyte', idxFile([labels.length], labels));
  }
}
