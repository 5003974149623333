import type { Card } from './card';
import { centreCrop } from './centre-crop';
import { type Picture, type PictureSource, toPicture } from './picture';
import { bilinearWeights, resample, resamplesRowsFirst } from './resampling';

/**
 * A picture of the network's input size, made as in evaluation: the bytes of Pillow's bilinear resize and of
 * torchvision's centre crop. A face must be an aligned crop of that size: see `alignFace`.
 * @throws Error for a picture that is smaller than the input, or a face of another size
 */
export function prepare(source: PictureSource, { input }: Pick<Card, 'input'>): Picture {
  const picture = toPicture(source);
  const { width, height } = picture;
  const { preparation } = input;
  const given = `This picture has ${width} x ${height} pixels`;
  if (width === input.width && height === input.height && preparation.kind !== 'resize') return picture;
  if (preparation.kind === 'aligned-face') {
    throw new Error(
      `${given}; a face must be an aligned crop of ${input.width} x ${input.height}, as alignFace makes it`,
    );
  }
  if (width < input.width || height < input.height) {
    throw new Error(`${given}, fewer than the ${input.width} x ${input.height} of the network`);
  }
  const crop = centreCrop(picture, coverOf(input), input);
  const pixels = new Uint8Array(input.width * input.height * 3);
  const columns = bilinearWeights(width, crop.width, crop.x, input.width);
  const rows = bilinearWeights(height, crop.height, crop.y, input.height);
  resample(picture.pixels, width, columns, rows, resamplesRowsFirst(picture, crop), pixels);
  return { pixels, width: input.width, height: input.height };
}

/** The size that the whole picture just covers before the centre is cut out; without a rule the input's own. */
function coverOf({ preparation, height, width }: Card['input']): { readonly height: number; readonly width: number } {
  const { resize } = preparation;
  if (resize === undefined) return { height, width };
  if (typeof resize === 'number') return { height: resize, width: resize };
  return resize;
}
