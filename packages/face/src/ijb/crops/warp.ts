import type { Image } from '@headshare/core/data/augment/image';
import type { Similarity } from './alignment';

/**
 * Writes the crop of an image under a similarity into `target` (size x size x 3 bytes). A pixel is interpolated
 * bilinearly between the four image pixels around its origin; whole coordinates are pixel centres, and pixels outside
 * the image are black. Equals cv2.warpAffine with a black border, except that OpenCV before version 5 rounds points to
 * 1/32 pixel.
 */
export function warp({ pixels, width, height }: Image, matrix: Similarity, size: number, target: Uint8Array): void {
  const [a, minusB, tx, b, , ty] = matrix;
  const scale = a * a + b * b;
  // The inverse of [a, -b; b, a] is its transpose divided by the squared scale.
  const [ia, ib, ic, id] = [a / scale, b / scale, minusB / scale, a / scale];
  const stride = width * 3;
  let to = 0;
  for (let v = 0; v < size; v++) {
    for (let u = 0; u < size; u++, to += 3) {
      const x = ia * (u - tx) + ib * (v - ty);
      const y = ic * (u - tx) + id * (v - ty);
      if (!(x > -1 && y > -1 && x < width && y < height)) {
        target[to] = target[to + 1] = target[to + 2] = 0;
        continue;
      }
      const left = Math.floor(x);
      const top = Math.floor(y);
      const right = x - left;
      const below = y - top;
      // Pixels outside get the weight 0, and are read from inside.
      const toLeft = left < 0 ? 0 : 1 - right;
      const toRight = left + 1 < width ? right : 0;
      const above = top < 0 ? 0 : 1 - below;
      const under = top + 1 < height ? below : 0;
      const row = top < 0 ? 0 : top * stride;
      const nextRow = top + 1 < height ? (top + 1) * stride : row;
      const column = left < 0 ? 0 : left * 3;
      const nextColumn = left + 1 < width ? (left + 1) * 3 : column;
      const [w0, w1, w2, w3] = [above * toLeft, above * toRight, under * toLeft, under * toRight];
      for (let channel = 0; channel < 3; channel++) {
        const value =
          w0 * (pixels[row + column + channel] as number) +
          w1 * (pixels[row + nextColumn + channel] as number) +
          w2 * (pixels[nextRow + column + channel] as number) +
          w3 * (pixels[nextRow + nextColumn + channel] as number);
        target[to + channel] = value + 0.5;
      }
    }
  }
}
