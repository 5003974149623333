import type { RandomStream } from '../../system/random';
import type { Canvas, Colour } from './raster';

/**
 * Covers the canvas with smooth random colours, bilinear between the knots of a grid of cells x cells. `spread` is the
 * standard deviation of the knots' brightness about `base`; their tints vary by about a third of it.
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
    for (let cell = 0, x = 0; cell < cells; cell++) {
      const k = cell * 3;
      const stepR = ((row[k + 3] as number) - (row[k] as number)) * step;
      const stepG = ((row[k + 4] as number) - (row[k + 1] as number)) * step;
      const stepB = ((row[k + 5] as number) - (row[k + 2] as number)) * step;
      const into = (x + 0.5) / (size / cells) - cell;
      let r = (row[k] as number) + (stepR * into) / step;
      let g = (row[k + 1] as number) + (stepG * into) / step;
      let b = (row[k + 2] as number) + (stepB * into) / step;
      const end = cell === cells - 1 ? size : Math.round(((cell + 1) * size) / cells);
      for (; x < end; x++, at += 3, r += stepR, g += stepG, b += stepB) {
        data[at] = r;
        data[at + 1] = g;
        data[at + 2] = b;
      }
    }
  }
}
