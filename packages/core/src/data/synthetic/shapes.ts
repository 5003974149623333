import type { Frame, Shape } from './raster';

/** The inverse of a frame's linear part, and the geometric mean of its units in pixels. */
export function inverse({ ux, uy, vx, vy }: Frame): { a: number; b: number; c: number; d: number; scale: number } {
  const determinant = ux * vy - uy * vx;
  const safe = Math.abs(determinant) < 1e-9 ? 1e-9 : determinant;
  return { a: vy / safe, b: -vx / safe, c: -uy / safe, d: ux / safe, scale: Math.sqrt(Math.abs(safe)) };
}

/** Bounds of the box |u| <= halfU, |v - centreV| <= halfV of a frame. */
function bounds(frame: Frame, u: number, v: number, halfU: number, halfV: number, margin: number) {
  const x = frame.x + frame.ux * u + frame.vx * v;
  const y = frame.y + frame.uy * u + frame.vy * v;
  const halfX = Math.abs(frame.ux) * halfU + Math.abs(frame.vx) * halfV + margin;
  const halfY = Math.abs(frame.uy) * halfU + Math.abs(frame.vy) * halfV + margin;
  return { left: x - halfX, right: x + halfX + 1, top: y - halfY, bottom: y + halfY + 1 };
}

/** The centre (x0, y0) and the bounds of an ellipse, in pixels. */
function ellipseBounds(frame: Frame, u: number, v: number, halfU: number, halfV: number, margin: number) {
  const x0 = frame.x + frame.ux * u + frame.vx * v;
  const y0 = frame.y + frame.uy * u + frame.vy * v;
  const halfX = Math.hypot(frame.ux * halfU, frame.vx * halfV) + margin;
  const halfY = Math.hypot(frame.uy * halfU, frame.vy * halfV) + margin;
  return { x0, y0, box: { left: x0 - halfX, right: x0 + halfX + 1, top: y0 - halfY, bottom: y0 + halfY + 1 } };
}

/** The ellipse with centre (u, v) and half axes (halfU, halfV); `soft` is the width of its edge in pixels. */
export function ellipse(frame: Frame, u: number, v: number, halfU: number, halfV: number, soft = 1): Shape {
  const { a, b, c, d, scale } = inverse(frame);
  const { x0, y0, box } = ellipseBounds(frame, u, v, halfU, halfV, soft);
  const slope = (scale * Math.min(halfU, halfV)) / soft;
  return {
    ...box,
    cover: (y, left, right, cover) => {
      const dy = y + 0.5 - y0;
      let p = (a * (left + 0.5 - x0) + b * dy) / halfU;
      let q = (c * (left + 0.5 - x0) + d * dy) / halfV;
      const stepP = a / halfU;
      const stepQ = c / halfV;
      for (let i = 0; i < right - left; i++, p += stepP, q += stepQ) {
        const amount = 0.5 - (Math.sqrt(p * p + q * q) - 1) * slope;
        cover[i] = amount <= 0 ? 0 : Math.min(amount, 1);
      }
    },
  };
}

/** A soft spot for shading: (1 - r^2)^2 inside the ellipse, nothing outside. */
export function glow(frame: Frame, u: number, v: number, halfU: number, halfV: number): Shape {
  const { a, b, c, d } = inverse(frame);
  const { x0, y0, box } = ellipseBounds(frame, u, v, halfU, halfV, 0);
  return {
    ...box,
    cover: (y, left, right, cover) => {
      const dy = y + 0.5 - y0;
      let p = (a * (left + 0.5 - x0) + b * dy) / halfU;
      let q = (c * (left + 0.5 - x0) + d * dy) / halfV;
      const stepP = a / halfU;
      const stepQ = c / halfV;
      for (let i = 0; i < right - left; i++, p += stepP, q += stepQ) {
        const rest = 1 - p * p - q * q;
        cover[i] = rest <= 0 ? 0 : rest * rest;
      }
    },
  };
}

/** The first step (>= 0) at which start + steps * step lies between low and high, if ever; Infinity if never. */
function enters(start: number, step: number, low: number, high: number): number {
  if (start >= low && start <= high) return 0;
  const ahead = start < low ? (low - start) / step : (high - start) / step;
  return ahead >= 0 ? Math.ceil(ahead) : Infinity;
}

/** The step after the last one at which start + steps * step lies between low and high. */
function leaves(start: number, step: number, low: number, high: number): number {
  const ahead = step > 0 ? (high - start) / step : step < 0 ? (low - start) / step : Infinity;
  return Math.max(0, Math.floor(ahead) + 1);
}

/** c0 + c1 t + c2 t^2, with t = u / half in [-1, 1]. */
export type Curve = readonly [c0: number, c1: number, c2: number];

/** The area between two parabolas: |u| <= half, upper(u / half) <= v <= lower(u / half). */
export function band(frame: Frame, half: number, upper: Curve, lower: Curve, soft = 1): Shape {
  const { a, b, c, d, scale } = inverse(frame);
  const [u0, u1, u2] = upper;
  const [l0, l1, l2] = lower;
  const top = u0 - Math.abs(u1) + Math.min(0, u2);
  const bottom = l0 + Math.abs(l1) + Math.max(0, l2);
  const slope = scale / soft;
  const least = top - 0.5 / slope;
  const most = bottom + 0.5 / slope;
  const reach = half + 0.5 / slope;
  const perHalf = 1 / half;
  return {
    ...bounds(frame, 0, (top + bottom) / 2, half, Math.max(0, bottom - top) / 2, soft),
    cover: (y, left, right, cover) => {
      const dy = y + 0.5 - frame.y;
      let u = a * (left + 0.5 - frame.x) + b * dy;
      let v = c * (left + 0.5 - frame.x) + d * dy;
      const width = right - left;
      const from = Math.max(enters(u, a, -reach, reach), enters(v, c, least, most));
      const to = Math.min(width, leaves(u, a, -reach, reach), leaves(v, c, least, most));
      if (from >= to) {
        cover.fill(0, 0, width);
        return;
      }
      cover.fill(0, 0, from);
      cover.fill(0, to, width);
      u += a * from;
      v += c * from;
      for (let i = from; i < to; i++, u += a, v += c) {
        const t = u * perHalf;
        const upperEdge = 0.5 + (v - (u0 + (u1 + u2 * t) * t)) * slope;
        const lowerEdge = 0.5 + (l0 + (l1 + l2 * t) * t - v) * slope;
        const sides = Math.min(1, upperEdge) + Math.min(1, lowerEdge) - 1;
        const ends = 0.5 + (half - Math.abs(u)) * slope;
        cover[i] = sides <= 0 || ends <= 0 ? 0 : sides * Math.min(1, ends);
      }
    },
  };
}

/**
 * A shape symmetric about its v axis, from v = top to v = bottom: |u| is at most the half width in `widths`, which is
 * linear between equidistant knots.
 */
export function profile(frame: Frame, top: number, bottom: number, widths: ArrayLike<number>, soft = 1): Shape {
  const { a, b, c, d, scale } = inverse(frame);
  const last = widths.length - 1;
  const perUnit = last / (bottom - top);
  let widest = 0;
  for (let i = 0; i <= last; i++) widest = Math.max(widest, widths[i] as number);
  // Where the outline is steep, it is nearer than the horizontal distance says: one factor for each piece.
  const slopes = new Float32Array(last);
  for (let i = 0; i < last; i++) {
    const steep = ((widths[i + 1] as number) - (widths[i] as number)) * perUnit;
    slopes[i] = scale / soft / Math.sqrt(1 + steep * steep);
  }
  // Frames squeeze: an outline can be nearer than the mean scale says.
  const reach = soft * 0.6;
  return {
    ...bounds(frame, 0, (top + bottom) / 2, widest, (bottom - top) / 2, soft),
    cover: (y, left, right, cover) => {
      const dy = y + 0.5 - frame.y;
      let u = a * (left + 0.5 - frame.x) + b * dy;
      let v = c * (left + 0.5 - frame.x) + d * dy;
      for (let i = 0; i < right - left; i++, u += a, v += c) {
        const knot = (v - top) * perUnit;
        if (knot < 0 || knot >= last) {
          cover[i] = 0;
          continue;
        }
        const before = knot | 0;
        const from = widths[before] as number;
        const width = from + ((widths[before + 1] as number) - from) * (knot - before);
        const amount = 0.5 + (width - Math.abs(u)) * (slopes[before] as number);
        if (amount > 0 && amount < 1) {
          cover[i] = amount;
          continue;
        }
        // Nothing changes for as many pixels as the outline is away (sphere tracing).
        const value = amount >= 1 ? 1 : 0;
        cover[i] = value;
        const skip = Math.min(right - left - 1 - i, (Math.abs(amount - 0.5) * reach) | 0);
        for (let end = i + skip; i < end; u += a, v += c) cover[++i] = value;
      }
    },
  };
}

/** A line with round ends, of half width `radius` at (u0, v0) and `radius1` at (u1, v1). */
export function capsule(
  frame: Frame,
  [u0, v0]: readonly [number, number],
  [u1, v1]: readonly [number, number],
  radius: number,
  radius1 = radius,
  soft = 1,
): Shape {
  const { a, b, c, d, scale } = inverse(frame);
  const du = u1 - u0;
  const dv = v1 - v0;
  const length2 = Math.max(1e-12, du * du + dv * dv);
  const thick = Math.max(radius, radius1);
  const slope = scale / soft;
  const centre: Frame = {
    ...frame,
    x: frame.x + (frame.ux * (u0 + u1) + frame.vx * (v0 + v1)) / 2,
    y: frame.y + (frame.uy * (u0 + u1) + frame.vy * (v0 + v1)) / 2,
  };
  return {
    ...bounds(centre, 0, 0, Math.abs(du) / 2 + thick, Math.abs(dv) / 2 + thick, soft),
    cover: (y, left, right, cover) => {
      const dy = y + 0.5 - frame.y;
      let u = a * (left + 0.5 - frame.x) + b * dy - u0;
      let v = c * (left + 0.5 - frame.x) + d * dy - v0;
      for (let i = 0; i < right - left; i++, u += a, v += c) {
        const along = (u * du + v * dv) / length2;
        const t = along <= 0 ? 0 : Math.min(along, 1);
        const p = u - du * t;
        const q = v - dv * t;
        const amount = 0.5 + (radius + (radius1 - radius) * t - Math.sqrt(p * p + q * q)) * slope;
        cover[i] = amount <= 0 ? 0 : Math.min(amount, 1);
      }
    },
  };
}

/** A convex polygon; points [u0, v0, u1, v1, ...] in clockwise order on the screen (v down). */
export function convexPolygon(frame: Frame, points: readonly number[], soft = 1): Shape {
  const { a, b, c, d, scale } = inverse(frame);
  const slope = scale / soft;
  const corners = points.length / 2;
  const edges = new Float64Array(corners * 3);
  const xs: number[] = [];
  const ys: number[] = [];
  for (let i = 0; i < corners; i++) {
    const [u0, v0] = [points[2 * i] as number, points[2 * i + 1] as number];
    const j = (i + 1) % corners;
    const [u1, v1] = [points[2 * j] as number, points[2 * j + 1] as number];
    const length = Math.max(1e-9, Math.hypot(u1 - u0, v1 - v0));
    const normalU = -(v1 - v0) / length;
    const normalV = (u1 - u0) / length;
    edges.set([normalU, normalV, -(normalU * u0 + normalV * v0)], i * 3);
    xs.push(frame.x + frame.ux * u0 + frame.vx * v0);
    ys.push(frame.y + frame.uy * u0 + frame.vy * v0);
  }
  return {
    left: Math.min(...xs) - soft,
    right: Math.max(...xs) + soft + 1,
    top: Math.min(...ys) - soft,
    bottom: Math.max(...ys) + soft + 1,
    cover: (y, from, to, cover) => {
      const dy = y + 0.5 - frame.y;
      let u = a * (from + 0.5 - frame.x) + b * dy;
      let v = c * (from + 0.5 - frame.x) + d * dy;
      for (let i = 0; i < to - from; i++, u += a, v += c) {
        let inside = 1 / slope;
        for (let e = 0; e < edges.length; e += 3) {
          const distance = (edges[e] as number) * u + (edges[e + 1] as number) * v + (edges[e + 2] as number);
          if (distance < inside) inside = distance;
        }
        const amount = 0.5 + inside * slope;
        cover[i] = amount <= 0 ? 0 : Math.min(amount, 1);
      }
    },
  };
}
