import type { Cursor } from '../cursor';

/** A field of a protobuf message: a number, or bytes that are text, a message or packed numbers. */
export interface Field {
  readonly number: number;
  /** A varint's value. */
  readonly integer: number | undefined;
  /** A float's or a double's value. */
  readonly real?: number;
  readonly bytes: Buffer | undefined;
}

/** The fields of the message in the cursor's bytes (protobuf.dev/programming-guides/encoding). */
export function* fields(cursor: Cursor): Generator<Field> {
  while (cursor.at < cursor.bytes.length) {
    const tag = varint(cursor);
    const [number, type] = [Math.floor(tag / 8), tag % 8];
    if (number < 1) throw cursor.refuse('it has a field without a number');
    if (type === 0) yield { number, integer: varint(cursor), bytes: undefined };
    else if (type === 2) yield { number, integer: undefined, bytes: cursor.take(varint(cursor)) };
    else if (type === 1 || type === 5) {
      const held = cursor.take(type === 1 ? 8 : 4);
      const real = type === 1 ? held.readDoubleLE(0) : held.readFloatLE(0);
      yield { number, integer: undefined, real, bytes: undefined };
    } else throw cursor.refuse(`it has a field of type ${type}, which protobuf does not have`);
  }
}

/** A signed number of 64 bits. Numbers beyond 2^53, with which exporters say "to the end", are rounded. */
export function varint(cursor: Cursor): number {
  let value = 0n;
  for (let i = 0; i < 10; i++) {
    const byte = cursor.byte();
    value += BigInt(byte & 127) << BigInt(7 * i);
    if (byte < 128) return Number(BigInt.asIntN(64, value));
  }
  throw cursor.refuse('it has a number of more than 64 bits');
}

/** Packed varints. @throws UserError when there are more than `most` */
export function varints(cursor: Cursor, most: number): number[] {
  const numbers: number[] = [];
  while (cursor.at < cursor.bytes.length) {
    numbers.push(varint(cursor));
    if (numbers.length > most) throw cursor.refuse(`it has a list of more than ${most} numbers`);
  }
  return numbers;
}
