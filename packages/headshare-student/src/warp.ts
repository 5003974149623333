import type { Picture } from './picture';

/** [m00, m01, m02, m10, m11, m12]: maps (x, y) to (m00 x + m01 y + m02, m10 x + m11 y + m12). */
export type Affine = readonly [number, number, number, number, number, number];

/** OpenCV holds coordinates in steps of 1/1024 pixel, and rounds their sum to steps of 1/32. */
const coordinateSteps = 1024;
const [subpixelBits, subpixels] = [5, 32];
const roundingToSubpixels = coordinateSteps / subpixels / 2;

/**
 * Writes the crop of an image under an affine map (image to crop) into `target` (crop.height x crop.width x 3 bytes). A pixel is
 * interpolated bilinearly between the four image pixels around its origin; whole coordinates are pixel centres, and
 * pixels outside the image are black.
 *
 * Gives the bytes of OpenCV 4's cv2.warpAffine (INTER_LINEAR, BORDER_CONSTANT 0; imgproc/src/imgwarp.cpp on x86): its
 * order of operations in the inverse, its fixed-point coordinates, which wrap around, and its integer weights. OpenCV 5
 * does not round coordinates.
 */
export function warp(
  { pixels, width, height }: Picture,
  matrix: Affine,
  crop: { readonly width: number; readonly height: number },
  target: Uint8Array,
): void {
  const [m00, m01, m02, m10, m11, m12] = inverse(matrix);
  const columnX = new Int32Array(crop.width);
  const columnY = new Int32Array(crop.width);
  for (let u = 0; u < crop.width; u++) {
    columnX[u] = fixedPoint(m00 * u);
    columnY[u] = fixedPoint(m10 * u);
  }
  const stride = width * 3;
  const [lastColumn, lastRow] = [width - 1, height - 1];
  let to = 0;
  for (let v = 0; v < crop.height; v++) {
    const rowX = fixedPoint(m01 * v + m02) + roundingToSubpixels;
    const rowY = fixedPoint(m11 * v + m12) + roundingToSubpixels;
    for (let u = 0; u < crop.width; u++, to += 3) {
      // The sum wraps around at 32 bits, as OpenCV's does.
      const fixedX = (rowX + (columnX[u] as number)) >> 5;
      const fixedY = (rowY + (columnY[u] as number)) >> 5;
      const x = fixedX >> subpixelBits;
      const y = fixedY >> subpixelBits;
      if (x < -1 || y < -1 || x > lastColumn || y > lastRow) {
        target[to] = target[to + 1] = target[to + 2] = 0;
        continue;
      }
      const right = fixedX & (subpixels - 1);
      const below = fixedY & (subpixels - 1);
      let w0 = (subpixels - right) * (subpixels - below);
      let w1 = right * (subpixels - below);
      let w2 = (subpixels - right) * below;
      let w3 = right * below;
      let at = y * stride + x * 3;
      let [nextColumn, nextRow] = [3, stride];
      if (x < 0 || y < 0 || x === lastColumn || y === lastRow) {
        // Pixels outside get the weight 0, and are read from inside.
        if (x < 0) [w0, w2, at, nextColumn] = [0, 0, at + 3, 0];
        if (y < 0) [w0, w1, at, nextRow] = [0, 0, at + stride, 0];
        if (x === lastColumn) [w1, w3, nextColumn] = [0, 0, 0];
        if (y === lastRow) [w2, w3, nextRow] = [0, 0, 0];
      }
      const under = at + nextRow;
      for (let channel = 0; channel < 3; channel++) {
        const sum =
          w0 * (pixels[at + channel] as number) +
          w1 * (pixels[at + nextColumn + channel] as number) +
          w2 * (pixels[under + channel] as number) +
          w3 * (pixels[under + nextColumn + channel] as number);
        // OpenCV's weights are 32 times these: (32 sum + 2^14) >> 15.
        target[to + channel] = (sum + 512) >> 10;
      }
    }
  }
}

/** The inverse map in OpenCV's order of operations; zeros for a matrix without one. */
function inverse([m00, m01, m02, m10, m11, m12]: Affine): Affine {
  const determinant = m00 * m11 - m01 * m10;
  const factor = determinant === 0 ? 0 : 1 / determinant;
  const [i00, i11] = [m11 * factor, m00 * factor];
  const [i01, i10] = [m01 * -factor, m10 * -factor];
  return [i00, i01, -i00 * m02 - i01 * m12, i10, i11, -i10 * m02 - i11 * m12];
}

const lowest = -(2 ** 31);
// Adding and subtracting it rounds a double of less than 2^51 to a whole number, half to even.
const rounder = 1.5 * 2 ** 52;

/** A coordinate in steps of 1/1024, half to even; -2^31 for what 32 bits do not hold, as x86 converts it. */
function fixedPoint(coordinate: number): number {
  const scaled = coordinate * coordinateSteps;
  if (!(scaled > lowest - 1 && scaled < -lowest)) return lowest;
  const rounded = scaled + rounder - rounder;
  return rounded < -lowest ? rounded : lowest;
}
