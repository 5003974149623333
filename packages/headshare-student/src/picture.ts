/** An RGB picture: height x width x 3 bytes, by rows. */
export interface Picture {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Pixels with 3 (RGB) or 4 (RGBA) bytes each, by rows: a canvas's ImageData, or what a decoder such as sharp gives. */
export interface PixelData {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** What functions of this package take as a picture. */
export type PictureSource = Picture | PixelData | ImageBitmap;

/**
 * The RGB bytes of a picture. Alpha is dropped, as in training, and not blended with a background.
 * @throws Error if the number of bytes does not fit the size, or if an ImageBitmap is closed
 */
export function toPicture(source: PictureSource): Picture {
  if ('pixels' in source) return checked(source.pixels, source.width, source.height, 3);
  if ('data' in source) return fromPixelData(source);
  return fromPixelData(readBitmap(source));
}

function fromPixelData({ data, width, height }: PixelData): Picture {
  const count = width * height;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
  if (data.length === count * 3) return checked(bytes, width, height, 3);
  checked(bytes, width, height, 4);
  const pixels = new Uint8Array(count * 3);
  for (let from = 0, to = 0; to < pixels.length; from += 4, to += 3) {
    pixels[to] = bytes[from] as number;
    pixels[to + 1] = bytes[from + 1] as number;
    pixels[to + 2] = bytes[from + 2] as number;
  }
  return { pixels, width, height };
}

function checked(pixels: Uint8Array, width: number, height: number, channels: number): Picture {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new Error(`A picture of ${width} x ${height} pixels: width and height must be whole numbers of at least 1`);
  }
  if (pixels.length !== width * height * channels) {
    throw new Error(
      `A picture of ${width} x ${height} pixels has ${width * height * 3} bytes (RGB) or ${width * height * 4} (RGBA), not ${pixels.length}`,
    );
  }
  return { pixels, width, height };
}

/**
 * The RGBA bytes of a bitmap. WebGL reads the colours of transparent pixels as they are; a 2D canvas multiplies them by
 * alpha and loses them, so it serves only where WebGL is missing.
 */
function readBitmap(bitmap: ImageBitmap): PixelData {
  if (bitmap.width === 0) throw new Error('The ImageBitmap is closed');
  return readByWebGl(bitmap) ?? readByCanvas(bitmap);
}

function readByWebGl(bitmap: ImageBitmap): PixelData | undefined {
  const { width, height } = bitmap;
  const gl = sharedContext();
  if (!gl || Math.max(width, height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return undefined;
  const texture = gl.createTexture();
  const framebuffer = gl.createFramebuffer();
  try {
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE) return undefined;
    const data = new Uint8Array(width * height * 4);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
    return gl.getError() === gl.NO_ERROR ? { data, width, height } : undefined;
  } finally {
    gl.deleteFramebuffer(framebuffer);
    gl.deleteTexture(texture);
  }
}

let context: WebGLRenderingContext | null | undefined;

/** One context for all pictures: browsers allow few of them. */
function sharedContext(): WebGLRenderingContext | null {
  if (context === undefined || context?.isContextLost()) {
    context = new OffscreenCanvas(1, 1).getContext('webgl', {
      premultipliedAlpha: false,
    }) as WebGLRenderingContext | null;
  }
  return context ?? null;
}

function readByCanvas(bitmap: ImageBitmap): PixelData {
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!canvas) throw new Error('This browser has neither WebGL nor a 2D canvas outside the page');
  canvas.drawImage(bitmap, 0, 0);
  return canvas.getImageData(0, 0, width, height);
}

/** The picture seen in a mirror: left and right exchanged. */
export function mirrored({ pixels, width, height }: Picture): Picture {
  const result = new Uint8Array(pixels.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * 3;
      result.set(pixels.subarray(from, from + 3), (y * width + width - 1 - x) * 3);
    }
  }
  return { pixels: result, width, height };
}
