/** x and y of left eye, right eye, nose, left and right mouth corner in a crop of 112 x 112 (insightface's face_align.py). */
export const reference112 = [38.2946, 51.6963, 73.5318, 51.5014, 56.0252, 71.7366, 41.5493, 92.3655, 70.7299, 92.2041];

/** [a, -b, tx, b, a, ty]: maps (x, y) in the image to (a x - b y + tx, b x + a y + ty) in the crop. */
export type Similarity = readonly [number, number, number, number, number, number];

/**
 * The positions of a face's five points in a crop. In a square: those of 112 times size / 112, but for multiples of 128
 * those of 112 centred in 128, times size / 128. Other crops are the middle of the square of their longer side: 112 x 96
 * gives SphereFace's points, which are those of 112 less 8 columns. In float64; insightface rounds them, and the points of faces, to
 * float32, and the similarity of float32 points depends on the linear algebra library by up to 2e-5 pixels.
 */
export function referencePoints({ height, width }: { readonly height: number; readonly width: number }): Float64Array {
  const size = Math.max(height, width);
  const wide = size % 112 !== 0 && size % 128 === 0;
  const ratio = size / (wide ? 128 : 112);
  const square = reference112.map((value, i) => (value + (wide && i % 2 === 0 ? 8 : 0)) * ratio);
  return Float64Array.from(square, (value, i) => value - (size - (i % 2 === 0 ? width : height)) / 2);
}

/**
 * The rotation, scaling and shift that brings `points` closest to `target` in least squares: Umeyama's solution without
 * reflection (IEEE PAMI 13(4), 1991), in its closed form for the plane.
 * @param points,target x and y of the same points, one after another
 * @returns undefined if all points coincide, a coordinate is not finite, or all rotations are equally good
 */
export function similarity(points: ArrayLike<number>, target: ArrayLike<number>): Similarity | undefined {
  const count = target.length / 2;
  let [px, py, qx, qy] = [0, 0, 0, 0];
  for (let i = 0; i < target.length; i += 2) {
    px += points[i] as number;
    py += points[i + 1] as number;
    qx += target[i] as number;
    qy += target[i + 1] as number;
  }
  [px, py, qx, qy] = [px / count, py / count, qx / count, qy / count];
  let [along, across, spread] = [0, 0, 0];
  for (let i = 0; i < target.length; i += 2) {
    const [x, y] = [(points[i] as number) - px, (points[i + 1] as number) - py];
    const [u, v] = [(target[i] as number) - qx, (target[i + 1] as number) - qy];
    along += x * u + y * v;
    across += x * v - y * u;
    spread += x * x + y * y;
  }
  const [a, b] = [along / spread, across / spread];
  const [tx, ty] = [qx - (a * px - b * py), qy - (b * px + a * py)];
  // Coinciding points may differ from their mean by its rounding.
  const coincide = spread <= 1e-24 * count * (px * px + py * py);
  if (coincide || !(a * a + b * b > 0) || !Number.isFinite(tx) || !Number.isFinite(ty)) return undefined;
  return [a, -b, tx, b, a, ty];
}
