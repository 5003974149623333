/**
 * The pixels along an axis that make each of `count` new pixels, and their weights, as the native addon reads them:
 * [count, width, first (count), used (count), weights (count * width, in units of 2^-22)].
 */
export type ResamplingWeights = Int32Array;

/** Pillow's fixed point for bytes: 32 bits, less 8 for a byte and 2 for overshoot. */
const unit = 2 ** 22;

/**
 * Bilinear resampling with antialiasing as in Pillow 13's `resize(..., BILINEAR)` (src/libImaging/Resample.c, coefficients
 * and rounding for 8 bits): a triangle as wide as the larger of the two pixels.
 * @param from pixels along the axis
 * @param to pixels along the resized axis
 * @param start,count the wanted pixels of the resized axis: [start, start + count)
 */
export function bilinearWeights(from: number, to: number, start = 0, count = to): ResamplingWeights {
  const scale = from / to;
  const support = Math.max(scale, 1);
  const width = Math.ceil(support) * 2 + 1;
  const axis = new Int32Array(2 + count * (2 + width));
  axis[0] = count;
  axis[1] = width;
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
    axis[2 + i] = first;
    axis[2 + count + i] = used;
    for (let k = 0; k < used; k++) {
      axis[2 + 2 * count + i * width + k] = Math.trunc(0.5 + ((weights[k] as number) / sum) * unit);
    }
  }
  return axis;
}

/** The pixels that get a weight: [first, end). */
export function pixelRange(axis: ResamplingWeights): readonly [first: number, end: number] {
  const count = axis[0] as number;
  let first = Number.POSITIVE_INFINITY;
  let end = 0;
  for (let i = 2; i < 2 + count; i++) {
    first = Math.min(first, axis[i] as number);
    end = Math.max(end, (axis[i] as number) + (axis[i + count] as number));
  }
  return [first, end];
}

/** The same weights for an axis whose pixel 0 lies `by` pixels earlier. */
export function shiftPixels(axis: ResamplingWeights, by: number): ResamplingWeights {
  const shifted = axis.slice();
  for (let i = 2; i < 2 + (axis[0] as number); i++) shifted[i] = (axis[i] as number) + by;
  return shifted;
}

/**
 * Whether Pillow resamples rows before columns: since 13.0, where the height shrinks by more than twice as many pixels as
 * the width. Earlier versions always begin with the columns, which gives other roundings, by one level.
 */
export function resamplesRowsFirst(
  from: { readonly width: number; readonly height: number },
  to: { readonly width: number; readonly height: number },
): boolean {
  const lost = from.height - to.height;
  return lost > 0 && lost > (from.width - to.width) * 2;
}

/**
 * Resamples an RGB picture `width` pixels wide into `target` (columns x rows x 3 bytes) like Pillow, rounded to bytes
 * between the two axes. The native addon's `sampleJpeg` does the same after decoding.
 */
export function resample(
  pixels: Uint8Array,
  width: number,
  columns: ResamplingWeights,
  rows: ResamplingWeights,
  rowsFirst: boolean,
  target: Uint8Array,
): void {
  const across = columns[0] as number;
  if (rowsFirst) {
    const between = new Uint8Array((rows[0] as number) * width * 3);
    resampleRows(pixels, width * 3, rows, between);
    resampleColumns(between, width, columns, [0, rows[0] as number], target);
    return;
  }
  const range = pixelRange(rows);
  const between = new Uint8Array((range[1] - range[0]) * across * 3);
  resampleColumns(pixels, width, columns, range, between);
  resampleRows(between, across * 3, shiftPixels(rows, -range[0]), target);
}

/** Resamples the columns of the rows [top, bottom). */
function resampleColumns(
  pixels: Uint8Array,
  width: number,
  columns: ResamplingWeights,
  [top, bottom]: readonly [number, number],
  target: Uint8Array,
): void {
  const across = columns[0] as number;
  const stride = across * 3;
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
      target[to] = byte(red);
      target[to + 1] = byte(green);
      target[to + 2] = byte(blue);
    }
  }
}

/** Resamples the rows of lines of `stride` bytes. */
function resampleRows(lines: Uint8Array, stride: number, rows: ResamplingWeights, target: Uint8Array): void {
  const down = rows[0] as number;
  const rowWidth = rows[1] as number;
  for (let y = 0; y < down; y++) {
    const first = rows[2 + y] as number;
    const used = rows[2 + down + y] as number;
    const weights = 2 + 2 * down + y * rowWidth;
    for (let i = 0; i < stride; i++) {
      let sum = unit / 2;
      for (let k = 0; k < used; k++) {
        sum += (lines[(first + k) * stride + i] as number) * (rows[weights + k] as number);
      }
      target[y * stride + i] = byte(sum);
    }
  }
}

const byte = (sum: number): number => Math.min(255, Math.max(0, sum >> 22));
