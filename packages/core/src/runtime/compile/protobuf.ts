/** Writes protobuf's wire format (protobuf.dev/programming-guides/encoding). */

export type Bytes = Uint8Array;

// Most numbers are field tags, lengths of names and small sizes; a graph has a hundred thousand of them.
const small = Array.from({ length: 128 }, (_, value) => Uint8Array.of(value));

export function varint(value: number | bigint): Bytes {
  const known = typeof value === 'number' ? small[value] : undefined;
  if (known) return known;
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

export const integer = (field: number, value: number | bigint): Bytes[] => [varint(field << 3), varint(value)];

export function float(field: number, value: number): Bytes[] {
  return [varint((field << 3) | 5), new Uint8Array(Float32Array.of(value).buffer)];
}

export function message(field: number, parts: readonly Bytes[]): Bytes[] {
  const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
  return [varint((field << 3) | 2), varint(length), ...parts];
}

export const text = (field: number, value: string): Bytes[] => message(field, [Buffer.from(value, 'utf8')]);
