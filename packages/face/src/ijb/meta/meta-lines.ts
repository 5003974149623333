import { open } from 'node:fs/promises';
import { UserError } from '@headshare/core/system/user-error';

const blockBytes = 1 << 20;
// The longest field is the name of an image, a path.
const longestLine = 1 << 16;

const [tab, newline, carriageReturn, space, minus, plus, point, zero, nine] = [9, 10, 13, 32, 45, 43, 46, 48, 57];

/**
 * Reads the fields of a block of whole lines one after another; fields are separated by spaces or tabs. Reading a field
 * that is missing or of another type throws a UserError with the file and the line.
 */
export class MetaLines {
  private bytes: Uint8Array = new Uint8Array(0);
  private at = 0;
  private end = 0;
  private lineStart = 0;
  /** The number of the current line, from 0. */
  line = 0;
  private fed = 0;

  /** @param size of the file, in bytes */
  constructor(
    readonly file: string,
    private readonly size: number,
  ) {}

  /** Continues with the next block: `end` bytes, the last one a newline. */
  feed(bytes: Uint8Array, end: number): void {
    this.bytes = bytes;
    this.at = 0;
    this.lineStart = 0;
    this.fed += end;
    this.end = end;
  }

  /**
   * The number of lines that arrays should hold: at least those of this block. Arrays that must grow get an estimate
   * for the whole file from the length of the lines so far.
   * @param current the number of lines that arrays hold now
   * @param shortest bytes of the shortest possible line, with its newline
   */
  capacity(current: number, shortest: number): number {
    const needed = this.line + Math.ceil(this.end / shortest);
    if (needed <= current) return current;
    const before = this.fed - this.end;
    return Math.max(needed, before === 0 ? 0 : Math.ceil((this.line / before) * this.size * 1.02) + 1024);
  }

  /** Whether the block has another line. */
  more(): boolean {
    return this.at < this.end;
  }

  /** A whole number from 0 to 2^31 - 1. */
  count(field: string): number {
    const { bytes } = this;
    let at = this.skip();
    let value = (bytes[at] as number) - zero;
    if (value < 0 || value > 9) throw this.refuse(field, 'a whole number from 0 on');
    for (at++; ; at++) {
      const digit = (bytes[at] as number) - zero;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      if (value > 0x7fffffff) throw this.refuse(field, 'a whole number below 2147483648');
    }
    if (!isSpace(bytes[at] as number)) throw this.refuse(field, 'a whole number from 0 on');
    this.at = at;
    return value;
  }

  /** A finite decimal number, correctly rounded. */
  decimal(field: string): number {
    const { bytes } = this;
    const from = this.skip();
    let at = from;
    const sign = bytes[at];
    if (sign === minus || sign === plus) at++;
    let value = 0;
    let digits = 0;
    let fraction = 0;
    for (; ; at++) {
      const byte = bytes[at] as number;
      if (byte >= zero && byte <= nine) {
        value = value * 10 + (byte - zero);
        digits++;
      } else if (byte === point && fraction === 0) fraction = at + 1;
      else break;
    }
    const decimals = fraction === 0 ? 0 : at - fraction;
    if (isSpace(bytes[at] as number) && digits > 0 && digits <= 15 && decimals <= 15) {
      // Value and power are exact, so that only their quotient is rounded.
      this.at = at;
      return (sign === minus ? -value : value) / (powers[decimals] as number);
    }
    const written = this.word(field);
    const parsed = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(written) ? Number(written) : Number.NaN;
    if (!Number.isFinite(parsed)) {
      this.at = from;
      throw this.refuse(field, 'a finite number');
    }
    return parsed;
  }

  word(field: string): string {
    const from = this.skip();
    let at = from;
    while (!isSpace(this.bytes[at] as number)) at++;
    if (at === from) throw this.refuse(field, 'present');
    this.at = at;
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + from, at - from).toString('utf8');
  }

  /** The number of fields that are left in this line. */
  left(): number {
    const { bytes } = this;
    let count = 0;
    for (let at = this.at; bytes[at] !== newline; at++) {
      if (!isSpace(bytes[at] as number) && isSpace(bytes[at - 1] ?? newline)) count++;
    }
    return count;
  }

  /** Moves on to the next line. @throws UserError if fields are left in this one */
  done(): void {
    const at = this.skip();
    if (this.bytes[at] !== newline) throw this.refuse('the rest of the line', 'empty');
    this.at = at + 1;
    this.lineStart = this.at;
    this.line++;
  }

  /** An error about this line. `why` follows 'file, line N: '. */
  problem(why: string): UserError {
    return new UserError(`${this.file}, line ${this.line + 1}: ${why}.`, 1);
  }

  private refuse(field: string, valid: string): UserError {
    const end = this.bytes.indexOf(newline, this.lineStart);
    const text = Buffer.from(this.bytes.subarray(this.lineStart, Math.min(end, this.lineStart + 200)));
    const shown = text.toString('utf8').replace(/[^\P{C}\t]|\t/gu, (c) => (c === '\t' ? ' ' : '?'));
    const cut = end - this.lineStart > 80 ? `${shown.slice(0, 80)}...` : shown;
    return this.problem(`${field} must be ${valid}, the line is '${cut}'`);
  }

  private skip(): number {
    const { bytes } = this;
    let at = this.at;
    while (bytes[at] === space || bytes[at] === tab || bytes[at] === carriageReturn) at++;
    this.at = at;
    return at;
  }
}

const powers = Array.from({ length: 16 }, (_, i) => 10 ** i);

function isSpace(byte: number): boolean {
  return byte === space || byte === newline || byte === carriageReturn || byte === tab;
}

/**
 * Reads a text file in blocks of whole lines, with one block in memory: `parse` must read all lines of the block. The
 * last newline may be missing, and the file may end with empty lines.
 * @throws UserError if the file cannot be read, or a line is longer than 64 KiB
 */
export async function readMetaLines(file: string, parse: (lines: MetaLines) => void): Promise<void> {
  const handle = await open(file, 'r').catch((error: Error) => {
    throw new UserError(`${file} cannot be read: ${error.message}.`, 1);
  });
  try {
    const { size } = await handle.stat();
    const lines = new MetaLines(file, size);
    const block = new Uint8Array(Math.min(blockBytes, size) + longestLine + 2);
    let rest = 0;
    for (;;) {
      const { bytesRead } = await handle.read(block, rest, block.length - rest - 1, null);
      const last = bytesRead === 0;
      const end = last ? closed(block, rest) : rest + bytesRead;
      const whole = endOfLines(block, end);
      if (whole > 0) {
        lines.feed(block, whole);
        parse(lines);
      }
      if (last) return;
      rest = end - whole;
      if (rest > longestLine) throw lines.problem('the line is longer than 65536 bytes');
      block.copyWithin(0, whole, end);
    }
  } finally {
    await handle.close();
  }
}

/** Ends the file's last line with a newline and drops empty lines after it. @returns the new end */
function closed(block: Uint8Array, end: number): number {
  let last = end;
  while (last > 0 && isSpace(block[last - 1] as number)) last--;
  if (last === 0) return 0;
  block[last] = newline;
  return last + 1;
}

/** The end of the last whole line that is not empty: empty ones may be the end of the file, which is not yet known. */
function endOfLines(block: Uint8Array, end: number): number {
  let last = end > 0 ? block.lastIndexOf(newline, end - 1) : -1;
  while (last > 0 && isSpace(block[last - 1] as number)) last--;
  return last > 0 ? block.indexOf(newline, last) + 1 : 0;
}
