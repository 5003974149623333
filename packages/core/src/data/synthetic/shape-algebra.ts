import type { Shape } from './raster';

// Combinations nest, so each level needs its own row.
const rows: Float32Array[] = [];
let depth = 0;

function combined(
  first: Shape,
  second: Shape,
  bounds: Omit<Shape, 'cover'>,
  combine: (cover: Float32Array, row: Float32Array, width: number) => void,
): Shape {
  return {
    ...bounds,
    cover: (y, left, right, cover) => {
      let row = rows[depth];
      if (row === undefined || row.length < right - left) {
        row = new Float32Array(Math.max(512, right - left));
        rows[depth] = row;
      }
      depth++;
      try {
        first.cover(y, left, right, cover);
        second.cover(y, left, right, row);
      } finally {
        depth--;
      }
      combine(cover, row, right - left);
    },
  };
}

/** The pixels that both shapes cover. */
export function intersection(first: Shape, second: Shape): Shape {
  return combined(first, second, boundsOf(first, second, Math.max, Math.min), both);
}

/** The pixels that the first shape covers and the second does not. */
export function difference(first: Shape, second: Shape): Shape {
  return combined(first, second, first, without);
}

/** The pixels that either shape covers. */
export function union(first: Shape, second: Shape): Shape {
  return combined(first, second, boundsOf(first, second, Math.min, Math.max), either);
}

type Choice = (first: number, second: number) => number;

const boundsOf = (first: Shape, second: Shape, start: Choice, end: Choice): Omit<Shape, 'cover'> => ({
  left: start(first.left, second.left),
  right: end(first.right, second.right),
  top: start(first.top, second.top),
  bottom: end(first.bottom, second.bottom),
});

function both(cover: Float32Array, row: Float32Array, width: number): void {
  for (let i = 0; i < width; i++) cover[i] = (cover[i] as number) * (row[i] as number);
}

function without(cover: Float32Array, row: Float32Array, width: number): void {
  for (let i = 0; i < width; i++) cover[i] = (cover[i] as number) * (1 - (row[i] as number));
}

function either(cover: Float32Array, row: Float32Array, width: number): void {
  for (let i = 0; i < width; i++) {
    const a = cover[i] as number;
    const b = row[i] as number;
    cover[i] = a + b - a * b;
  }
}
