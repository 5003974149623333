import type { Refuse } from './refusal';

/** Reads a file's bytes from front to back, in little-endian order, which pickles, zip and safetensors all use. */
export class Cursor {
  constructor(
    readonly bytes: Buffer,
    readonly refuse: Refuse,
    public at = 0,
  ) {}

  /** The next `count` bytes, not copied. @throws UserError when there are fewer */
  take(count: number): Buffer {
    if (count > this.bytes.length - this.at) throw this.refuse('it ends in the middle');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  byte(): number {
    return this.uint(1);
  }

  /** @param size up to 6 bytes */
  uint(size: number): number {
    return this.take(size).readUIntLE(0, size);
  }

  int32(): number {
    return this.take(4).readInt32LE(0);
  }

  /** @throws UserError for a number that is too large for a position or a size in any file */
  uint64(): number {
    const value = this.take(8).readBigUInt64LE(0);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.refuse(`it states a size of ${value} bytes`);
    return Number(value);
  }

  /** Latin-1 text up to the next line feed, which is skipped. */
  line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0) throw this.refuse('it ends in the middle');
    const text = this.take(end - this.at).toString('latin1');
    this.at++;
    return text;
  }
}
