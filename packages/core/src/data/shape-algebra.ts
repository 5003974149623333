import type { Shape } from './raster';

// Combinations nest, so each level needs a row of its own.
const rows: Float32Array[] = [];
let depth = 0;

function combined(
  first: Shape,
  second: Shape,
  bounds: Omit<Shape, 'cover'>,
  coverage: (a: number, b: number) => number,
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
      for (let i = 0; i < right - left; i++) cover[i] = coverage(cover[i] as number, row[i] as number);
    },
  };
}

function boundsOf({ left, top, right, bottom }: Shape): Omit<Shape, 'cover'> {
  return { left, top, right, bottom };
}

/** Covers what both cover. */
export function intersection(first: Shape, second: Shape): Shape {
  const bounds = {
    left: Math.max(first.left, second.left),
    right: Math.min(first.right, second.right),
    top: Math.max(first.top, second.top),
    bottom: Math.min(first.bottom, second.bottom),
  };
  return combined(first, second, bounds, (a, b) => a * b);
}

/** Covers what the first covers and the second does not. */
export function difference(first: Shape, second: Shape): Shape {
  return combined(first, second, boundsOf(first), (a, b) => a * (1 - b));
}

/** Covers what either covers. */
export function union(first: Shape, second: Shape): Shape {
  const bounds = {
    left: Math.min(first.left, second.left),
    right: Math.max(first.right, second.right),
    top: Math.min(first.top, second.top),
    bottom: Math.max(first.bottom, second.bottom),
  };
  return combined(first, second, bounds, (a, b) => a + b - a * b);
}
