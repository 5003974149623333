/** x and y: left eye, right eye, nose, left and right corner of the mouth in a crop of 112 x 112 (insightface). */
const reference112 = [38.2946, 51.6963, 73.5318, 51.5014, 56.0252, 71.7366, 41.5493, 92.3655, 70.7299, 92.2041];

/** [a, -b, tx, b, a, ty]: (x, y) of a picture goes to (a x - b y + tx, b x + a y + ty) of the crop. */
export type Similarity = readonly [number, number, number, number, number, number];

/**
 * Where the five points of a face are to come in a crop of size x size, in float32 as insightface has them: those of 112
 * times size / 112, but for multiples of 128 those of 112 in the middle of 128, times size / 128.
 */
export function referencePoints(size: number): Float32Array {
  const wide = size % 112 !== 0 && size % 128 === 0;
  const ratio = size / (wide ? 128 : 112);
  const points = Float32Array.from(reference112, (value) => Math.fround(value) * ratio);
  if (wide) for (let i = 0; i < points.length; i += 2) points[i] = (points[i] as number) + 8 * ratio;
  return points;
}

/**
 * The rotation, scaling and shift that takes `points` closest to `target`, in least squares: Umeyama's solution without
 * reflection (IEEE PAMI 13(4), 1991), in the closed form that it has in the plane.
 * Undefined where there is none: all points are one, a coordinate is not finite, or no rotation is better than another.
 * @param points,target x and y of the same points, one after another
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
  // Points that are one may differ from their mean by its rounding.
  const isOne = spread <= 1e-24 * count * (px * px + py * py);
  if (isOne || !(a * a + b * b > 0) || !Number.isFinite(tx) || !Number.isFinite(ty)) return undefined;
  return [a, -b, tx, b, a, ty];
}
