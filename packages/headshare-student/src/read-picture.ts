import { jpegComponents, withoutExif } from './exif';
import { type Picture, toPicture } from './picture';

export interface ReadPictureOptions {
  /**
   * upright (default): turned by its EXIF orientation, as photos of phones need. stored: the pixels as they lie in the
   * file, as classification trains on them.
   */
  readonly orientation?: 'upright' | 'stored';
}

export interface FilePicture {
  readonly picture: Picture;
  /** Why the pixels may differ from those that training would read; undefined where they are the same. */
  readonly caution: string | undefined;
}

/**
 * Decodes a picture file in a browser, without colour management and with the colours of transparent pixels kept, as
 * training does.
 * @throws Error with the file's name if the browser cannot decode it
 */
export async function readPicture(
  file: Blob & { readonly name?: string },
  { orientation = 'upright' }: ReadPictureOptions = {},
): Promise<FilePicture> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const content = orientation === 'stored' ? withoutExif(bytes) : bytes;
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(new Blob([content as Uint8Array<ArrayBuffer>], { type: file.type }), {
      colorSpaceConversion: 'none',
      premultiplyAlpha: 'none',
    });
  } catch {
    throw new Error(`${file.name ?? 'This file'} is not a picture that this browser can read`);
  }
  try {
    const caution =
      jpegComponents(bytes) === 4
        ? 'a CMYK JPEG: browsers convert its colours in another way than training did'
        : undefined;
    return { picture: toPicture(bitmap), caution };
  } finally {
    bitmap.close();
  }
}
