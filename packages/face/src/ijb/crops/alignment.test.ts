import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { referencePoints, type Similarity, similarity } from 'headshare-student/alignment';
import { faceCase } from '../../../test/face-cases';
import { fivePoints } from '../meta/meta-files';

const square = (size: number) => referencePoints({ height: size, width: size });

type Matrix = readonly (readonly [number, number, number])[];

/** Made with insightface's functions (scikit-image's Umeyama) in float32, and with float64 landmarks. */
interface Cases {
  readonly reference_points_112: readonly (readonly number[])[];
  readonly cases: readonly {
    readonly name: string;
    readonly landmarks: readonly (readonly number[])[];
    readonly matrix_float32_path: Matrix;
    readonly matrix_float64_path: Matrix;
  }[];
  readonly size_variants: { landmarks: readonly (readonly number[])[]; matrix_224: Matrix; matrix_128: Matrix };
  readonly from_68: {
    landmarks: readonly (readonly number[])[];
    five: readonly (readonly number[])[];
    matrix: Matrix;
  };
}

const cases: Cases = JSON.parse(readFileSync(faceCase('align/cases.json'), 'utf8'));

function largestDifference(found: Similarity | undefined, expected: Matrix): number {
  if (!found) return Number.NaN;
  return Math.max(...expected.flat().map((value, i) => Math.abs(value - (found[i] as number))));
}

const solvable = cases.cases.filter(({ matrix_float64_path: [row] }) => row?.[0] !== null);

test.each(solvable)('$name: equals Umeyama in float64 and, less exactly, in float32', (one) => {
  // The cases' targets are rounded to float32.
  const target = Float32Array.from(square(112));
  expect(largestDifference(similarity(one.landmarks.flat(), target), one.matrix_float64_path)).toBeLessThan(1e-9);
  const single = Float32Array.from(one.landmarks.flat());
  expect(largestDifference(similarity(single, target), one.matrix_float32_path)).toBeLessThan(1e-3);
});

test('points that are one, that are symmetric to none, or that are not finite have no similarity', () => {
  const target = square(112);
  const equal = cases.cases.find(({ name }) => name === 'all_points_equal');
  expect(similarity(equal?.landmarks.flat() ?? [], target)).toBeUndefined();
  expect(similarity(new Float32Array(10).fill(33.1), target)).toBeUndefined();
  expect(similarity(Float32Array.from([0, 0, 1, 0, 0, 1, 1, 1, 2, Number.NaN]), target)).toBeUndefined();
  // A square against its mirror image: all rotations are equally good.
  expect(similarity([0, 0, 1, 0, 1, 1, 0, 1], [1, 0, 0, 0, 0, 1, 1, 1])).toBeUndefined();
});

test('crops of 224 and of 128 have the same reference points as in insightface', () => {
  const { landmarks, matrix_224, matrix_128 } = cases.size_variants;
  const points = Float32Array.from(landmarks.flat());
  expect(largestDifference(similarity(points, square(224)), matrix_224)).toBeLessThan(1e-3);
  expect(largestDifference(similarity(points, square(128)), matrix_128)).toBeLessThan(1e-3);
});

test('a crop of 112 x 96 has the reference points that SphereFace publishes', () => {
  // wy1iu/sphereface, preprocess/code/face_align_demo.m.
  const published = [30.2946, 51.6963, 65.5318, 51.5014, 48.0252, 71.7366, 33.5493, 92.3655, 62.7299, 92.2041];
  for (const [i, value] of referencePoints({ height: 112, width: 96 }).entries()) {
    expect(value).toBeCloseTo(published[i] as number, 10);
  }
});

test('68 points are reduced to five', () => {
  const { landmarks, five, matrix } = cases.from_68;
  const found = fivePoints(Float64Array.from(landmarks.flat()));
  for (const [i, value] of five.flat().entries()) expect(found[i]).toBeCloseTo(value, 4);
  expect(largestDifference(similarity(found, square(112)), matrix)).toBeLessThan(1e-3);
});

test('a similarity is recovered from five points that it has moved', () => {
  const coordinate = fc.double({ min: -500, max: 500, noNaN: true });
  const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
  const size = fc.double({ min: 0.05, max: 20, noNaN: true });
  fc.assert(
    fc.property(angle, size, coordinate, coordinate, (turn, scale, x, y) => {
      const [a, b] = [scale * Math.cos(turn), scale * Math.sin(turn)];
      const points = square(112);
      const moved: number[] = [];
      for (let i = 0; i < points.length; i += 2) {
        const [u, v] = [points[i] as number, points[i + 1] as number];
        moved.push(a * u - b * v + x, b * u + a * v + y);
      }
      const expected: Matrix = [
        [a, -b, x],
        [b, a, y],
      ];
      expect(largestDifference(similarity(points, moved), expected)).toBeLessThan(1e-9);
    }),
  );
});
