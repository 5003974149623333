interface Size {
  readonly width: number;
  readonly height: number;
}

/** The size to which a whole picture is resized, and the corner of the crop in it. */
export interface CentreCrop extends Size {
  readonly x: number;
  readonly y: number;
}

/**
 * torchvision's Resize and CenterCrop: the picture becomes as small as covers `cover` (for a square: its shorter side
 * becomes the square's), the other side is truncated, the crop's corner rounded, halves to even.
 * @param cover at least the crop's size
 */
export function centreCrop({ width, height }: Size, cover: Size, crop: Size): CentreCrop {
  const [w, h] =
    width * cover.height <= height * cover.width
      ? [cover.width, Math.trunc((cover.width * height) / width)]
      : [Math.trunc((cover.height * width) / height), cover.height];
  return { width: w, height: h, x: roundHalfEven((w - crop.width) / 2), y: roundHalfEven((h - crop.height) / 2) };
}

/** Rounds halves to the even neighbour, like Python and torchvision. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
