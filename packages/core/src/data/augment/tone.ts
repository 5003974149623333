import { type Image, lookedUp, table } from './image';

/** Keeps the upper `bits` of each byte, as ImageOps.posterize. */
export function posterize(image: Image, bits: number): Image {
  const mask = 0xff & ~(2 ** (8 - bits) - 1);
  const values = table((byte) => byte & mask);
  return lookedUp(image, [values, values, values]);
}

/** Inverts bytes from `threshold` on, as ImageOps.solarize. */
export function solarize(image: Image, threshold: number): Image {
  const values = table((byte) => (byte < threshold ? byte : 255 - byte));
  return lookedUp(image, [values, values, values]);
}

/** Stretches each channel to 0..255, as ImageOps.autocontrast. */
export function autoContrast(image: Image): Image {
  return lookedUp(image, perChannel(image, stretch));
}

/** Makes each channel's values as frequent as one another, as ImageOps.equalize. */
export function equalize(image: Image): Image {
  return lookedUp(image, perChannel(image, flatten));
}

function perChannel({ pixels }: Image, make: (counts: Uint32Array) => Uint8Array) {
  const tableOf = (channel: number): Uint8Array => {
    const counts = new Uint32Array(256);
    for (let at = channel; at < pixels.length; at += 3) {
      const byte = pixels[at] as number;
      counts[byte] = (counts[byte] as number) + 1;
    }
    return make(counts);
  };
  return [tableOf(0), tableOf(1), tableOf(2)] as const;
}

const unchanged = table((byte) => byte);

function stretch(counts: Uint32Array): Uint8Array {
  const low = counts.findIndex((count) => count > 0);
  const high = counts.findLastIndex((count) => count > 0);
  if (high <= low) return unchanged;
  const scale = 255 / (high - low);
  const offset = -low * scale;
  return table((byte) => byte * scale + offset);
}

function flatten(counts: Uint32Array): Uint8Array {
  const last = counts.findLastIndex((count) => count > 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const step = Math.floor((total - (counts[last] ?? 0)) / 255);
  if (step === 0) return unchanged;
  let before = Math.floor(step / 2);
  return table((byte) => {
    const value = Math.floor(before / step);
    before += counts[byte] as number;
    return value;
  });
}
