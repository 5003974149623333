/**
 * The size of images in pixels: N for N x N, else height and width as `112x96`. Options, checkpoints and cache keys write it
 * so; a square is always a number.
 */
export type ImageSize = number | `${number}x${number}`;

/** Height and width in pixels. */
export interface Sides {
  readonly height: number;
  readonly width: number;
}

export function sides(size: ImageSize): Sides {
  if (typeof size === 'number') return { height: size, width: size };
  const [height, width] = size.split('x').map(Number) as [number, number];
  return { height, width };
}

export const imageSize = ({ height, width }: Sides): ImageSize => (height === width ? height : `${height}x${width}`);

/** `112`, `96 x 112`, ... -> the size; undefined for anything else than one or two whole numbers. */
export function parseImageSize(text: string): ImageSize | undefined {
  const [, height, width = height] = /^(\d{1,6})(?:\s*[x×]\s*(\d{1,6}))?$/i.exec(text.trim()) ?? [];
  return height === undefined ? undefined : imageSize({ height: Number(height), width: Number(width) });
}

/** For sentences: `112 x 96`, also for squares. */
export function sizeWords(size: ImageSize): string {
  const { height, width } = sides(size);
  return `${height} x ${width}`;
}
