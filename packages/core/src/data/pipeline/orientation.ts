import type { Image } from '../augment/image';

/** Turns and mirrors a picture as EXIF's orientation (1 to 8) says it is to be shown. */
export function orient({ pixels, width, height }: Image, orientation: number): Image {
  const turned = orientation >= 5;
  const shown = { width: turned ? height : width, height: turned ? width : height };
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  const result = new Uint8Array(pixels.length);
  for (let y = 0, to = 0; y < shown.height; y++) {
    for (let x = 0; x < shown.width; x++, to += 3) {
      const [across, down] = turned ? [y, x] : [x, y];
      const column = fromRight ? width - 1 - across : across;
      const row = fromBottom ? height - 1 - down : down;
      const from = (row * width + column) * 3;
      result[to] = pixels[from] as number;
      result[to + 1] = pixels[from + 1] as number;
      result[to + 2] = pixels[from + 2] as number;
    }
  }
  return { pixels: result, ...shown };
}
