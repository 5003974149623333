/** An RGB picture: height x width x 3 bytes. Augmentations return a new picture and leave the given one unchanged. */
export interface Image {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** The picture with new bytes. */
export function mapped(image: Image, value: (at: number) => number): Image {
  const pixels = new Uint8Array(image.pixels.length);
  for (let at = 0; at < pixels.length; at++) pixels[at] = value(at);
  return { ...image, pixels };
}

/** The picture with each byte looked up in a table of 256 bytes; `tables`: one for all channels, or one per channel. */
export function lookedUp(image: Image, tables: Uint8Array | readonly [Uint8Array, Uint8Array, Uint8Array]): Image {
  const { pixels } = image;
  const found = new Uint8Array(pixels.length);
  for (let channel = 0; channel < 3; channel++) {
    const table = tables instanceof Uint8Array ? tables : (tables[channel] as Uint8Array);
    for (let at = channel; at < pixels.length; at += 3) found[at] = table[pixels[at] as number] as number;
  }
  return { ...image, pixels: found };
}

/** The table of a function of a byte. */
export function table(value: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => Math.min(255, Math.max(0, Math.trunc(value(byte)))));
}
