import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { type Affine, warp } from 'headshare-student/warp';
import sharp from 'sharp';
import { faceCase, ownCase } from '../../../test/face-cases';

interface Aligned {
  readonly cases: readonly {
    readonly image: string;
    readonly source_png: string;
    readonly aligned_png: string;
    readonly matrix: readonly (readonly number[])[];
  }[];
}

const folder = faceCase('ijbc_tiny/aligned');
const { cases }: Aligned = JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8'));

async function picture(name: string) {
  const { data, info } = await sharp(`${folder}/${name}`).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { pixels: new Uint8Array(data), width: info.width, height: info.height };
}

test.each(cases)('$image: equals the crop of OpenCV 4, byte by byte', async (one) => {
  const crop = new Uint8Array(112 * 112 * 3);
  warp(await picture(one.source_png), one.matrix.flat() as unknown as Affine, { height: 112, width: 112 }, crop);
  const { pixels: expected } = await picture(one.aligned_png);
  expect(Buffer.compare(crop, expected)).toBe(0);
});

test('pixels are copied at whole coordinates, interpolated between them, and black outside', () => {
  const grey = [0, 100, 200, 40];
  const source = { pixels: Uint8Array.from(grey.flatMap((value) => [value, value, value])), width: 2, height: 2 };
  const shifted = (tx: number, ty: number) => {
    const crop = new Uint8Array(3 * 3 * 3).fill(7);
    warp(source, [1, 0, tx, 0, 1, ty], { height: 3, width: 3 }, crop);
    return Array.from({ length: 9 }, (_, i) => crop[i * 3]);
  };
  expect(shifted(0, 0)).toEqual([0, 100, 0, 200, 40, 0, 0, 0, 0]);
  expect(shifted(1, 1)).toEqual([0, 0, 0, 0, 0, 100, 0, 200, 40]);
  expect(shifted(0.5, 0)).toEqual([0, 50, 50, 100, 120, 20, 0, 0, 0]);
  expect(shifted(0, 0.25)).toEqual([0, 75, 0, 150, 55, 0, 50, 10, 0]);
});

interface Warp {
  readonly width: number;
  readonly height: number;
  readonly size: number;
  readonly seed: number;
  readonly matrix: Affine;
  readonly sha256: string;
}

const { warps } = JSON.parse(readFileSync(ownCase('opencv/cases.json'), 'utf8')) as { warps: readonly Warp[] };

function noise(width: number, height: number, seed: number): Uint8Array {
  const byte = (i: number) => ((Math.imul(i, 2654435761) + seed * 40503) >>> 13) & 255;
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => byte(i));
}

test.each(warps)('$width x $height to $size by $matrix: the bytes of OpenCV 4', (one) => {
  const { width, height, size, seed, matrix, sha256 } = one;
  const pixels = noise(width, height, seed);
  const crop = new Uint8Array(size * size * 3).fill(9);
  warp({ pixels, width, height }, matrix, { height: size, width: size }, crop);
  expect(createHash('sha256').update(crop).digest('hex')).toBe(sha256);
});

// Made with cv2.warpAffine of OpenCV 4.14.
test.each([
  [
    150,
    180,
    112,
    96,
    [0.8, -0.1, 5.5, 0.1, 0.8, -7.25],
    '178b61e410480c4bb6145f944d6882badcf1ec27e84edfba322a36f9e7d0082b',
  ],
  [
    90,
    70,
    30,
    50,
    [0.37, 0.2, 1 / 3, -0.2, 0.37, 10.1],
    '955bc261ca513048ccb8bd54d2b476a36a1edef09b6417bcafdecf0e545916bd',
  ],
  [20, 20, 64, 16, [2.3, 0, -4, 0, 2.3, 1.7], '5c36a41e4d7bcf0e30d1363b6f237379f3e2038b4dc42a6fa499125424bc5078'],
] as const)('%d x %d to a crop of %d x %d (height x width): the bytes of OpenCV 4', (...one) => {
  const [width, height, cropHeight, cropWidth, matrix, sha256] = one;
  const crop = new Uint8Array(cropHeight * cropWidth * 3).fill(9);
  const seed = [150, 90, 20].indexOf(width) + 1;
  warp({ pixels: noise(width, height, seed), width, height }, matrix, { height: cropHeight, width: cropWidth }, crop);
  expect(createHash('sha256').update(crop).digest('hex')).toBe(sha256);
});

test('any matrix and picture gives a crop whose bytes are all set', () => {
  const value = fc.oneof(fc.double(), fc.double({ min: -10, max: 10 }));
  const matrices = fc.tuple(value, value, value, value, value, value);
  fc.assert(
    fc.property(matrices, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), (matrix, width, height) => {
      const picture = { pixels: new Uint8Array(width * height * 3).fill(200), width, height };
      const size = { height: 12, width: 10 };
      const [first, second] = [new Uint8Array(360).fill(1), new Uint8Array(360).fill(2)];
      warp(picture, matrix, size, first);
      warp(picture, matrix, size, second);
      expect(first).toEqual(second);
      expect(first.every((byte) => byte <= 200)).toBe(true);
    }),
  );
});
