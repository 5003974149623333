import type { RandomStream } from './random';
import type { Canvas, Colour } from './raster';

/**
 * Covers the whole canvas with smooth random colour: a grid of cells x cells colours around `base`, bilinear between
 * them. `spread` is the standard deviation of each knot's brightness, a third of it that of its tint.
 */
export function backdrop(canvas: Canvas, random: RandomStream, base: Colour, spread: number, cells = 3): void {
  const { size, data } = canvas;
  const side = cells + 1;
  const knots = new Float32Array(side * side * 3);
  for (let i = 0; i < side * side; i++) {
    const bright = random.normal() * spread;
    for (let channel = 0; channel < 3; channel++) {
      knots[i * 3 + channel] = (base[channel] as number) + bright + (random.float() - 0.5) * spread;
    }
  }
  const row = new Float32Array(side * 3);
  const step = cells / size;
  for (let y = 0; y < size; y++) {
    const gy = (y + 0.5) * step;
    const cellY = Math.min(cells - 1, Math.floor(gy));
    const ty = gy - cellY;
    for (let i = 0; i < side * 3; i++) {
      const upper = knots[cellY * side * 3 + i] as number;
      row[i] = upper + ((knots[(cellY + 1) * side * 3 + i] as number) - upper) * ty;
    }
    let at = y * size * 3;
    for (let x = 0; x < size; x++, at += 3) {
      const gx = (x + 0.5) * step;
      const cellX = gx | 0;
      const tx = gx - cellX;
      const k = cellX * 3;
      const [r, g, b] = [row[k] as number, row[k + 1] as number, row[k + 2] as number];
      data[at] = r + ((row[k + 3] as number) - r) * tx;
      data[at + 1] = g + ((row[k + 4] as number) - g) * tx;
      data[at + 2] = b + ((row[k + 5] as number) - b) * tx;
    }
  }
}
