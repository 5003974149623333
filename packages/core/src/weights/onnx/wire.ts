import type { Cursor } from '../cursor';

/** A field of a protobuf message: a number, or bytes that are text, a message or packed numbers. */
export interface Field {
  readonly number: number;
  /** A varint's value; numbers of other types are skipped. */
  readonly integer: number | undefined;
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
      cursor.take(type === 1 ? 8 : 4);
      yield { number, integer: undefined, bytes: undefined };
    } else throw cursor.refuse(`it has a field of type ${type}, which protobuf does not have`);
  }
}

/** A signed number of 64 bits. @throws UserError for one that is not a safe integer */
export function varint(cursor: Cursor): number {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = cursor.byte();
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) {
      // Negative numbers have all ten bytes.
      const signed = i === 9 ? value - 2 ** 64 : value;
      if (Math.abs(signed) > Number.MAX_SAFE_INTEGER) break;
      return signed;
    }
  }
  throw cursor.refuse('it has a number that is too large');
}
