import type { StudentCard } from './card';
import { centreCrop } from './centre-crop';
import { type Picture, type PictureSource, toPicture } from './picture';
import { bilinearWeights, resample } from './resampling';

/**
 * A picture of the network's input size, made as in evaluation: the bytes of Pillow's bilinear resize and of
 * torchvision's centre crop. A face must be an aligned crop of that size: see `alignFace`.
 * @throws Error for a picture that is smaller than the input, or a face of another size
 */
export function prepare(source: PictureSource, { input, preparation }: StudentCard): Picture {
  const picture = toPicture(source);
  const { width, height } = picture;
  const given = `This picture has ${width} x ${height} pixels`;
  if (preparation.kind === 'aligned-face') {
    if (width === input.width && height === input.height) return picture;
    throw new Error(
      `${given}; a face must be an aligned crop of ${input.width} x ${input.height}, as alignFace makes it`,
    );
  }
  if (width < input.width || height < input.height) {
    throw new Error(`${given}, fewer than the ${input.width} x ${input.height} of the network`);
  }
  const crop = centreCrop(picture, preparation.cover, input);
  const pixels = new Uint8Array(input.width * input.height * 3);
  const columns = bilinearWeights(width, crop.width, crop.x, input.width);
  const rows = bilinearWeights(height, crop.height, crop.y, input.height);
  resample(picture.pixels, width, columns, rows, pixels);
  return { pixels, width: input.width, height: input.height };
}
