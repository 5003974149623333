const float = new DataView(new ArrayBuffer(4));

/** The bits of a number in IEEE 754 half precision, rounded to nearest, halves to even; infinity beyond 65504. */
export function toFloat16(value: number): number {
  float.setFloat32(0, value);
  const bits = float.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 255;
  const fraction = bits & 0x7fffff;
  if (exponent === 255) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  if (exponent >= 143) return sign | 0x7c00;
  // Normal numbers keep 10 bits of the fraction; below 2^-14 the implicit one shifts in, by a bit per power of two.
  const [whole, shift] =
    exponent >= 113 ? [((exponent - 112) << 23) | fraction, 13] : [fraction | 0x800000, 126 - exponent];
  if (shift > 24) return sign;
  const kept = whole >>> shift;
  const rest = whole & (2 ** shift - 1);
  const half = 2 ** (shift - 1);
  // A carry out of the fraction correctly gives the next exponent, and infinity after the largest one.
  return sign | (kept + (rest > half || (rest === half && kept & 1) ? 1 : 0));
}

/** The number that bits of IEEE 754 half precision mean: 5 bits of exponent, 10 of fraction. */
export function fromFloat16(value: number): number {
  const sign = value & 0x8000 ? -1 : 1;
  const exponent = (value >> 10) & 31;
  const fraction = value & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
