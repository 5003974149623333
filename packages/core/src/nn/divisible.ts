/**
 * `channels` times the width as mobile networks round it: to a multiple of 8, at least 8, and never down by more than a
 * tenth (torchvision's `_make_divisible`). At width 1 published numbers, which are multiples of 8, stay as they are.
 */
export function inEights(channels: number, width = 1): number {
  const wanted = channels * width;
  const rounded = Math.max(8, Math.floor((wanted + 4) / 8) * 8);
  return rounded < 0.9 * wanted ? rounded + 8 : rounded;
}
