/** Damage of every kind, anywhere in pictures of every kind: check, training and evaluation see the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { imageEndings } from '../sources/tree-listing';
import { createJob as checkJob } from './check-job';
import { decodePicture } from './decode';
import { loadNativeImages } from './native';
import { createJob as pipelineJob } from './pipeline-job';
import { sizeOf } from './stored-picture';

// HEADSHARE_FUZZ=10000 runs as many cases.
const numRuns = Number(process.env.HEADSHARE_FUZZ ?? 300);
const folder = join(__dirname, '../../../fixtures/images');
const fixture = (name: string): Buffer => readFileSync(join(folder, name));
const bmps: Readonly<Record<string, readonly [string, string | null]>> = JSON.parse(fixture('bmps.json').toString());
const bmp = (name: string): Buffer => Buffer.from(bmps[name]?.[0] ?? '', 'base64');
const native = loadNativeImages();

/** A picture for each ending of the list. */
async function pictures(): Promise<ReadonlyMap<string, readonly Buffer[]>> {
  const picture = sharp(fixture('colour.jpg')).resize(60, 45);
  const restarts = sharp(fixture('colour.jpg')).jpeg({ mozjpeg: false, quality: 60, chromaSubsampling: '4:4:4' });
  const jpegs = [fixture('colour.jpg'), fixture('grey.jpg'), fixture('progressive.jpg'), await restarts.toBuffer()];
  const tiffs = [
    await picture.tiff({ compression: 'lzw' }).toBuffer(),
    await picture.tiff({ compression: 'none' }).toBuffer(),
  ];
  return new Map([
    ['.jpg', jpegs],
    ['.jpeg', [fixture('cmyk.jpg')]],
    ['.png', [fixture('alpha.png'), fixture('palette.png'), fixture('grey16.png')]],
    ['.webp', [fixture('lossless.webp'), await picture.webp().toBuffer()]],
    ['.bmp', ['1 bits', '8 bits', '24 bits', 'RLE8', 'RLE4', 'bit fields 16 565, header of 40'].map(bmp)],
    ['.tif', tiffs],
    ['.tiff', tiffs],
  ]);
}

test('every ending of the list has pictures, which both decoders read alike', async () => {
  const all = await pictures();
  expect([...all.keys()]).toEqual(imageEndings);
  for (const bytes of [...all.values()].flat()) {
    const [one, other] = await Promise.all(
      [native, undefined].map((decoder) => decodePicture(bytes, { applyOrientation: false, native: decoder })),
    );
    expect(Buffer.compare(one?.pixels ?? Buffer.of(), other?.pixels ?? Buffer.of())).toBe(0);
  }
});

test('what Pillow does not read is no picture, whatever its name: SVG, PDF, and PNGs with a wrong checksum before their pixels', async () => {
  const svg = Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
  );
  const png = fixture('alpha.png');
  const header = Buffer.from(png);
  header[29] = (header[29] ?? 0) ^ 1;
  const comment = Buffer.concat([
    png.subarray(0, 33),
    Buffer.from('\0\0\0\x03tEXta\0b\0\0\0\0', 'latin1'),
    png.subarray(33),
  ]);
  for (const [bytes, why] of [
    [svg, 'unsupported image format'],
    [Buffer.concat([Buffer.from('<?xml version="1.0"?>\n'), svg]), 'unsupported image format'],
    [Buffer.from('%PDF-1.4\n'), 'unsupported image format'],
    [header, 'the PNG has a wrong checksum in its IHDR'],
    [comment, 'the PNG has a wrong checksum in its tEXt'],
  ] as const) {
    await expect(decodePicture(bytes, { applyOrientation: false, native })).rejects.toThrow(why);
    await expect((async () => sizeOf(bytes))()).rejects.toThrow(why);
  }
});

type Damage = readonly [kind: 'flip' | 'byte' | 'zero' | 'cut' | 'swap' | 'insert', at: number, value: number];

function damaged(original: Buffer, damage: readonly Damage[]): Buffer {
  let bytes = Buffer.from(original);
  for (const [kind, position, value] of damage) {
    const at = position % Math.max(1, bytes.length);
    const length = 1 + (value % 64);
    if (kind === 'flip') bytes[at] = (bytes[at] ?? 0) ^ (1 << (value % 8));
    if (kind === 'byte') bytes[at] = value % 256;
    if (kind === 'zero') bytes.fill(0, at, Math.min(bytes.length, at + length));
    if (kind === 'cut') bytes = bytes.subarray(0, at);
    if (kind === 'insert') bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(length), bytes.subarray(at)]);
    if (kind === 'swap') {
      const other = (at + value) % Math.max(1, bytes.length - length);
      const kept = Buffer.from(bytes.subarray(at, at + length));
      bytes.copy(bytes, at, other, other + kept.length);
      kept.copy(bytes, other);
    }
  }
  return bytes;
}

test(
  'random damage: the whole check, every crop of training, and evaluation agree on what can be read',
  async () => {
    const originals = [...(await pictures()).values()].flat();
    const size = 12;
    const [whole, train] = [checkJob({ whole: true }), pipelineJob({ size, train: {}, test: { resize: 14 } })];
    const kinds = fc.constantFrom<Damage[0]>('flip', 'byte', 'zero', 'cut', 'swap', 'insert');
    const damages = fc.array(fc.tuple(kinds, fc.nat(20_000), fc.nat(4000)), { minLength: 1, maxLength: 3 });
    let [read, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...originals), damages, fc.nat(1000), async (original, damage, seed) => {
        const location = { file: 'damaged', bytes: damaged(original, damage) };
        // Damage may make a picture huge, and decoding it slow.
        const claimed = await sizeOf(location.bytes).catch(() => undefined);
        if (claimed && claimed.width * claimed.height > 2 ** 20) return;
        const isReadable = (await whole([location])).length === 0;
        const memory = new SharedArrayBuffer(size * size * 3);
        const image = { location, index: 0, offset: 0 };
        const pixels: string[] = [];
        for (const key of [{ seed, epoch: 0 }, { seed, epoch: 1 }, undefined, { seed, epoch: 0 }]) {
          expect((await train({ images: [image], memory, key })).length === 0).toBe(isReadable);
          pixels.push(Buffer.from(memory).toString('base64'));
        }
        if (isReadable) expect(pixels[3]).toBe(pixels[0]);
        if (isReadable) read++;
        else refused++;
      }),
      { numRuns },
    );
    expect(Math.min(read, refused)).toBeGreaterThan(numRuns / 10);
  },
  60_000 + numRuns * 100,
);
