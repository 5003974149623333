import { type FileHandle, open } from 'node:fs/promises';
import { pathOf } from '../../system/file-name';
import { readInto } from '../../system/read-into';
import { UserError } from '../../system/user-error';
import { errorCode } from '../../system/whole-file';

/** Bytes that are read piece by piece. */
export interface ByteSource {
  readonly size: number;
  /** `count` bytes from `position` on, fewer at the end. They stay valid. */
  read(position: number, count: number): Promise<Buffer>;
  /** As `read`, but undefined for bytes that are not in memory. */
  peek(position: number, count: number): Buffer | undefined;
}

/** Reads a file of any size through one large piece in memory, for reads that mostly go forward. */
export class FileWindow implements ByteSource {
  private bytes: Buffer = Buffer.alloc(0);
  private from = 0;

  private constructor(
    readonly file: string,
    readonly size: number,
    private readonly handle: FileHandle,
    private readonly pieceBytes: number,
  ) {}

  /** @throws UserError for a file that cannot be read */
  static async open(file: string, pieceBytes = 1 << 22): Promise<FileWindow> {
    try {
      const handle = await open(pathOf(file), 'r');
      const info = await handle.stat();
      if (info.isFile()) return new FileWindow(file, info.size, handle, pieceBytes);
      await handle.close();
    } catch (error) {
      throw new UserError(`${file} cannot be read (${errorCode(error) ?? error}).`, 1);
    }
    throw new UserError(`${file} cannot be read: it is not a file.`, 1);
  }

  async read(position: number, count: number): Promise<Buffer> {
    const there = Math.max(0, Math.min(count, this.size - position));
    if (position < this.from || position + there > this.from + this.bytes.length) await this.fill(position, there);
    const start = position - this.from;
    return this.bytes.subarray(start, start + there);
  }

  peek(position: number, count: number): Buffer | undefined {
    const start = position - this.from;
    return start >= 0 && start + count <= this.bytes.length ? this.bytes.subarray(start, start + count) : undefined;
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private async fill(position: number, count: number): Promise<void> {
    const wanted = Math.min(Math.max(count, this.pieceBytes), this.size - position);
    const bytes = Buffer.allocUnsafe(wanted);
    if ((await readInto(this.handle, bytes, position)) < wanted) {
      throw new UserError(`${this.file} became shorter while it was read.`, 1);
    }
    this.bytes = bytes;
    this.from = position;
  }
}
