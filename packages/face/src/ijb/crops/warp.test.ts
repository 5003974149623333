import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { faceCase } from '../../../test/face-cases';
import { referencePoints, type Similarity, similarity } from './alignment';
import { warp } from './warp';

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

test.each(cases)('$image: equals the crop of OpenCV 4.8, except for its rounding of points to 1/32', async (one) => {
  const crop = new Uint8Array(112 * 112 * 3);
  warp(await picture(one.source_png), one.matrix.flat() as unknown as Similarity, 112, crop);
  const { pixels: expected } = await picture(one.aligned_png);
  const differences = expected.map((byte, i) => Math.abs(byte - (crop[i] as number)));
  expect(differences.reduce((most, one) => Math.max(most, one))).toBeLessThanOrEqual(4);
  expect(differences.reduce((sum, one) => sum + one, 0) / crop.length).toBeLessThan(0.0915);
});

test('pixels are copied at whole coordinates, interpolated between them, and black outside', () => {
  const grey = [0, 100, 200, 40];
  const source = { pixels: Uint8Array.from(grey.flatMap((value) => [value, value, value])), width: 2, height: 2 };
  const shifted = (tx: number, ty: number) => {
    const crop = new Uint8Array(3 * 3 * 3).fill(7);
    warp(source, [1, 0, tx, 0, 1, ty], 3, crop);
    return Array.from({ length: 9 }, (_, i) => crop[i * 3]);
  };
  expect(shifted(0, 0)).toEqual([0, 100, 0, 200, 40, 0, 0, 0, 0]);
  expect(shifted(1, 1)).toEqual([0, 0, 0, 0, 0, 100, 0, 200, 40]);
  expect(shifted(0.5, 0)).toEqual([0, 50, 50, 100, 120, 20, 0, 0, 0]);
  expect(shifted(0, 0.25)).toEqual([0, 75, 0, 150, 55, 0, 50, 10, 0]);
});

test('a crop far outside, or with an extreme matrix, is black', () => {
  const source = { pixels: new Uint8Array(12).fill(255), width: 2, height: 2 };
  const extremes: Similarity[] = [
    [1, 0, 1e300, 0, 1, 0],
    [1e-200, 0, 0, 0, 1e-200, 0],
    [1e200, 0, 0, 0, 1e200, 0],
  ];
  for (const matrix of extremes) {
    const crop = new Uint8Array(16 * 16 * 3).fill(9);
    warp(source, matrix, 16, crop);
    expect(crop.slice(3).every((byte) => byte === 0 || byte === 255)).toBe(true);
  }
  expect(similarity(referencePoints(112), referencePoints(112))?.[0]).toBeCloseTo(1, 12);
});
