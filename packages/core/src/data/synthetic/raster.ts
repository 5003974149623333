import { type ImageSize, type Sides, sides } from '../../system/image-size';
import type { RandomStream } from '../../system/random';

/**
 * A small anti-aliased rasteriser for synthetic images: a shape computes how much of each pixel of a row it covers, and
 * `paint` mixes in a colour by that amount. A shape's coordinates are those of a frame (any affine map of the plane);
 * its edges are softened over a width in pixels.
 */
export interface Canvas extends Sides {
  /** height x width x 3, interleaved RGB, nominally in [0, 1]. */
  readonly data: Float32Array;
}

/** [red, green, blue], nominally in [0, 1]. */
export type Colour = readonly [number, number, number];

/** A frame's origin (x, y) and its two unit vectors (ux, uy) and (vx, vy), in pixels (x to the right, y down). */
export interface Frame {
  readonly x: number;
  readonly y: number;
  readonly ux: number;
  readonly uy: number;
  readonly vx: number;
  readonly vy: number;
}

export interface Shape {
  /** The shape covers no pixel outside [left, right) x [top, bottom). */
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** Writes the coverage, in [0, 1], of the pixels [left, right) of row y to cover[0...]. */
  cover(y: number, left: number, right: number, cover: Float32Array): void;
}

export function createCanvas(size: ImageSize): Canvas {
  const { height, width } = sides(size);
  return { height, width, data: new Float32Array(height * width * 3) };
}

/** A frame with units of `scale` pixels, turned clockwise by `angle` (radians) about its origin. */
export function frame(x: number, y: number, scale: number, angle = 0): Frame {
  const cos = Math.cos(angle) * scale;
  const sin = Math.sin(angle) * scale;
  return { x, y, ux: cos, uy: sin, vx: -sin, vy: cos };
}

/** A frame whose origin, units and angle are given in the units of `parent`. */
export function within(parent: Frame, u: number, v: number, scaleU = 1, angle = 0, scaleV = scaleU): Frame {
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  return {
    x: parent.x + parent.ux * u + parent.vx * v,
    y: parent.y + parent.uy * u + parent.vy * v,
    ux: (parent.ux * cos + parent.vx * sin) * scaleU,
    uy: (parent.uy * cos + parent.vy * sin) * scaleU,
    vx: (parent.vx * cos - parent.ux * sin) * scaleV,
    vy: (parent.vy * cos - parent.uy * sin) * scaleV,
  };
}

let coverage = new Float32Array(512);

/** Lays a colour over the old one, or multiplies the old one with it (shadows, tints). */
export type Blend = 'over' | 'multiply';

/** Mixes `colour` into the canvas by coverage * alpha. */
export function paint(canvas: Canvas, shape: Shape, colour: Colour, alpha = 1, blend: Blend = 'over'): void {
  const { height, width, data } = canvas;
  const left = Math.max(0, Math.floor(shape.left));
  const right = Math.min(width, Math.ceil(shape.right));
  const top = Math.max(0, Math.floor(shape.top));
  const bottom = Math.min(height, Math.ceil(shape.bottom));
  if (left >= right || alpha <= 0) return;
  if (coverage.length < width) coverage = new Float32Array(width);
  const cover = coverage;
  const count = right - left;
  for (let y = top; y < bottom; y++) {
    shape.cover(y, left, right, cover);
    const start = (y * width + left) * 3;
    if (blend === 'over') over(data, start, cover, count, alpha, colour);
    else multiply(data, start, cover, count, alpha, colour);
  }
}

// These two loops take most of the time.
function over(data: Float32Array, start: number, cover: Float32Array, width: number, alpha: number, colour: Colour) {
  const [r, g, b] = colour;
  for (let i = 0, at = start; i < width; i++, at += 3) {
    const amount = (cover[i] as number) * alpha;
    if (amount === 0) continue;
    const rest = 1 - amount;
    data[at] = (data[at] as number) * rest + r * amount;
    data[at + 1] = (data[at + 1] as number) * rest + g * amount;
    data[at + 2] = (data[at + 2] as number) * rest + b * amount;
  }
}

function multiply(
  data: Float32Array,
  start: number,
  cover: Float32Array,
  width: number,
  alpha: number,
  colour: Colour,
) {
  const [r, g, b] = [colour[0] - 1, colour[1] - 1, colour[2] - 1];
  for (let i = 0, at = start; i < width; i++, at += 3) {
    const amount = (cover[i] as number) * alpha;
    if (amount === 0) continue;
    data[at] = (data[at] as number) * (1 + r * amount);
    data[at + 1] = (data[at + 1] as number) * (1 + g * amount);
    data[at + 2] = (data[at + 2] as number) * (1 + b * amount);
  }
}

export function mix([r, g, b]: Colour, to: Colour, amount: number): Colour {
  return [r + (to[0] - r) * amount, g + (to[1] - g) * amount, b + (to[2] - b) * amount];
}

export const scaled = ([r, g, b]: Colour, factor: number): Colour => [r * factor, g * factor, b * factor];

/**
 * Covers the canvas with smooth random colours, bilinear between the knots of a grid of cells x cells. `spread` is the
 * standard deviation of the knots' brightness about `base`; their tints vary by about a third of it.
 */
export function backdrop(canvas: Canvas, random: RandomStream, base: Colour, spread: number, cells = 3): void {
  const { height, width, data } = canvas;
  const side = cells + 1;
  const knots = new Float32Array(side * side * 3);
  for (let i = 0; i < side * side; i++) {
    const bright = random.normal() * spread;
    for (let channel = 0; channel < 3; channel++) {
      knots[i * 3 + channel] = (base[channel] as number) + bright + (random.float() - 0.5) * spread;
    }
  }
  const row = new Float32Array(side * 3);
  const step = cells / width;
  const stepDown = cells / height;
  for (let y = 0; y < height; y++) {
    const gy = (y + 0.5) * stepDown;
    const cellY = Math.min(cells - 1, Math.floor(gy));
    const ty = gy - cellY;
    for (let i = 0; i < side * 3; i++) {
      const upper = knots[cellY * side * 3 + i] as number;
      row[i] = upper + ((knots[(cellY + 1) * side * 3 + i] as number) - upper) * ty;
    }
    let at = y * width * 3;
    for (let cell = 0, x = 0; cell < cells; cell++) {
      const k = cell * 3;
      const stepR = ((row[k + 3] as number) - (row[k] as number)) * step;
      const stepG = ((row[k + 4] as number) - (row[k + 1] as number)) * step;
      const stepB = ((row[k + 5] as number) - (row[k + 2] as number)) * step;
      const into = (x + 0.5) / (width / cells) - cell;
      let r = (row[k] as number) + (stepR * into) / step;
      let g = (row[k + 1] as number) + (stepG * into) / step;
      let b = (row[k + 2] as number) + (stepB * into) / step;
      const end = cell === cells - 1 ? width : Math.round(((cell + 1) * width) / cells);
      for (; x < end; x++, at += 3, r += stepR, g += stepG, b += stepB) {
        data[at] = r;
        data[at + 1] = g;
        data[at + 2] = b;
      }
    }
  }
}
