/**
 * Which pixels along an axis make each of `count` new ones, laid out for the native addon too:
 * [count, width, first (count), used (count), weights (count * width, in units of 2^-22)].
 */
export type Taps = Int32Array;

/** Pillow's fixed point for bytes: 32 bits less 8 for a byte and 2 for overshoot. */
const unit = 2 ** 22;

/**
 * Bilinear resampling with antialiasing, as Pillow's `resize(..., BILINEAR)` (src/libImaging/Resample.c, coefficients and
 * rounding for 8 bits): a triangle as wide as the larger of the two pixels.
 * @param from pixels along the axis
 * @param to pixels that the whole axis becomes
 * @param start,count the new pixels that are wanted: [start, start + count) of [0, to)
 */
export function bilinearTaps(from: number, to: number, start = 0, count = to): Taps {
  const scale = from / to;
  const support = Math.max(scale, 1);
  const width = Math.ceil(support) * 2 + 1;
  const taps = new Int32Array(2 + count * (2 + width));
  taps[0] = count;
  taps[1] = width;
  const weights = new Float64Array(width);
  for (let i = 0; i < count; i++) {
    const centre = (start + i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const used = Math.min(from, Math.trunc(centre + support + 0.5)) - first;
    let sum = 0;
    for (let k = 0; k < used; k++) {
      const weight = Math.max(0, 1 - Math.abs((k + first - centre + 0.5) * (1 / support)));
      weights[k] = weight;
      sum += weight;
    }
    taps[2 + i] = first;
    taps[2 + count + i] = used;
    for (let k = 0; k < used; k++) {
      taps[2 + 2 * count + i * width + k] = Math.trunc(0.5 + ((weights[k] as number) / sum) * unit);
    }
  }
  return taps;
}

/** The pixels that taps use: [first, end). */
export function tapRange(taps: Taps): readonly [first: number, end: number] {
  const count = taps[0] as number;
  let first = Number.POSITIVE_INFINITY;
  let end = 0;
  for (let i = 2; i < 2 + count; i++) {
    first = Math.min(first, taps[i] as number);
    end = Math.max(end, (taps[i] as number) + (taps[i + count] as number));
  }
  return [first, end];
}

/** The same taps, their pixels counted from elsewhere. */
export function shiftTaps(taps: Taps, by: number): Taps {
  const shifted = taps.slice();
  for (let i = 2; i < 2 + (taps[0] as number); i++) shifted[i] = (taps[i] as number) + by;
  return shifted;
}

/**
 * Resamples an RGB picture `width` pixels wide into `target` (columns x rows x 3 bytes): columns first, rounded to bytes
 * in between, as Pillow does. Exactly what the native addon's `sampleJpeg` does after decoding.
 */
export function resample(pixels: Uint8Array, width: number, columns: Taps, rows: Taps, target: Uint8Array): void {
  const [top, bottom] = tapRange(rows);
  const across = columns[0] as number;
  const stride = across * 3;
  const narrow = new Uint8Array((bottom - top) * stride);
  const columnWidth = columns[1] as number;
  for (let y = top; y < bottom; y++) {
    for (let x = 0; x < across; x++) {
      let from = (y * width + (columns[2 + x] as number)) * 3;
      const used = columns[2 + across + x] as number;
      const weights = 2 + 2 * across + x * columnWidth;
      let red = unit / 2;
      let green = unit / 2;
      let blue = unit / 2;
      for (let k = 0; k < used; k++, from += 3) {
        const weight = columns[weights + k] as number;
        red += (pixels[from] as number) * weight;
        green += (pixels[from + 1] as number) * weight;
        blue += (pixels[from + 2] as number) * weight;
      }
      const to = (y - top) * stride + x * 3;
      narrow[to] = byte(red);
      narrow[to + 1] = byte(green);
      narrow[to + 2] = byte(blue);
    }
  }
  const down = rows[0] as number;
  const rowWidth = rows[1] as number;
  for (let y = 0; y < down; y++) {
    const first = (rows[2 + y] as number) - top;
    const used = rows[2 + down + y] as number;
    const weights = 2 + 2 * down + y * rowWidth;
    for (let i = 0; i < stride; i++) {
      let sum = unit / 2;
      for (let k = 0; k < used; k++) {
        sum += (narrow[(first + k) * stride + i] as number) * (rows[weights + k] as number);
      }
      target[y * stride + i] = byte(sum);
    }
  }
}

const byte = (sum: number): number => Math.min(255, Math.max(0, sum >> 22));
