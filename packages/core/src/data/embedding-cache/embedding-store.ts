/** Embeddings of a dataset's images on disk: a folder of shards, each complete or missing. */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lock } from 'proper-lockfile';
import { makeFolder } from '../../system/make-folder.cjs';
import { readInto } from '../../system/read-into';
import { UserError } from '../../system/user-error';
import { diskError, errorCode, writeWhole } from '../../system/whole-file';
import type { ReadEmbeddings } from '../loading/batches';
import {
  type EmbeddingLayout,
  type EmbeddingShard,
  embeddingBytes,
  headerBytes,
  shardBytes,
  shardCodec,
  shardHeader,
} from './embedding-shard';

export interface EmbeddingStoreLayout extends EmbeddingLayout {
  readonly folder: string;
  readonly images: number;
  /** Augmented copies of each image. */
  readonly copies: number;
  /** Default 8192: an interruption loses no more than one shard. */
  readonly embeddingsPerShard?: number;
}

/** Computes the embeddings of a shard in order, some at a time: [some, dimension]. */
export type MakeEmbeddings = (shard: EmbeddingShard) => AsyncIterable<Float32Array>;

interface Filling {
  readonly make: MakeEmbeddings;
  readonly signal: AbortSignal;
  /** Gets the number of embeddings on disk and of all embeddings. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Called when other processes are making everything that is missing. */
  readonly onWait?: () => void;
  /** Gets the file of a damaged shard. */
  readonly onDamage?: (file: string) => void;
}

export type EmbeddingStore = ReturnType<typeof embeddingStore>;

// A compilation may keep the event loop, and with it the refreshing of a lock, busy for many seconds.
const lockOptions = { realpath: false, stale: 60_000, update: 5000, onCompromised: () => undefined };

export function embeddingStore(layout: EmbeddingStoreLayout) {
  const { folder, key, type, dimension, images, copies, embeddingsPerShard = 8192 } = layout;
  const perCopy = Math.ceil(images / embeddingsPerShard);
  const shards = Array.from({ length: perCopy * copies }, (_, i): EmbeddingShard => {
    const first = (i % perCopy) * embeddingsPerShard;
    const count = Math.min(embeddingsPerShard, images - first);
    return { key, type, dimension, copy: Math.floor(i / perCopy), first, count };
  });
  const fileOf = ({ copy, first }: EmbeddingShard): string =>
    join(folder, `view${copy}-${String(first / embeddingsPerShard).padStart(5, '0')}.rows`);

  const explain = (error: unknown) =>
    diskError(error, {
      full: `The disk of ${folder} is full: the teacher's cache needs ${Math.ceil((images * copies * embeddingBytes(layout)) / 1e6)} MB there. Embeddings made so far are kept; --teacher-cache-dir names another folder.`,
      unusable: (code) =>
        `The teacher's cache cannot be written to ${folder} (${code}); --teacher-cache-dir names another folder.`,
    });
  const onDisk = <T>(work: Promise<T>): Promise<T> => work.catch((error) => Promise.reject(explain(error)));

  async function isWhole(shard: EmbeddingShard): Promise<boolean> {
    const handle = await openIfThere(fileOf(shard));
    if (!handle) return false;
    try {
      if ((await handle.stat()).size !== shardBytes(shard)) return false;
      const header = await readAt(handle, headerBytes, 0);
      return header.equals(shardHeader(shard));
    } finally {
      await handle.close();
    }
  }

  /** The shards whose files are missing, damaged, or belong to another cache. */
  async function missing(): Promise<EmbeddingShard[]> {
    const found: EmbeddingShard[] = [];
    for (const shard of shards) if (!(await isWhole(shard))) found.push(shard);
    return found;
  }

  /** Writes a shard; the caller holds its lock. */
  function write(shard: EmbeddingShard, { make, signal }: Filling, onWrite: (count: number) => void): Promise<void> {
    const path = fileOf(shard);
    const codec = shardCodec(shard);
    const fill = async (writeAt: (bytes: Uint8Array, position: number) => Promise<void>): Promise<void> => {
      await writeAt(shardHeader(shard), 0);
      let row = 0;
      for await (const values of make(shard)) {
        await writeAt(codec.encode(row, values), headerBytes + row * embeddingBytes(shard));
        row += values.length / dimension;
        onWrite(values.length / dimension);
        signal.throwIfAborted();
      }
      if (row !== shard.count) throw new Error(`${path} needs ${shard.count} embeddings, but ${row} were made.`);
    };
    return writeWhole({ path, temporary: `${path}.tmp` }, fill, explain);
  }

  /**
   * Makes the missing shards one by one; several processes share the work. An abort loses no more than the current shard.
   * @throws the signal's reason; UserError for a folder that cannot be written
   */
  async function fill(filling: Filling): Promise<void> {
    const { signal, onProgress, onWait } = filling;
    const total = images * copies;
    let waiting = false;
    await onDisk((async () => makeFolder(folder))());
    for (;;) {
      const wanted = await missing();
      let done = total - wanted.reduce((sum, { count }) => sum + count, 0);
      if (wanted.length === 0) return;
      let made = 0;
      for (const shard of wanted) {
        signal.throwIfAborted();
        const unlock = await onDisk(lockIfFree(fileOf(shard)));
        if (!unlock) continue;
        try {
          if (await isWhole(shard)) continue;
          await write(shard, filling, (count) => {
            done += count;
            onProgress?.(done, total);
          });
          made++;
        } finally {
          await unlock();
        }
      }
      if (made > 0) continue;
      if (!waiting) onWait?.();
      waiting = true;
      await sleep(500, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  /** Reads rows of a shard into `target`; false if one of them is damaged or missing. */
  async function readShard(shard: EmbeddingShard, rows: readonly Row[], target: Float32Array): Promise<boolean> {
    const handle = await openIfThere(fileOf(shard));
    if (!handle) return false;
    try {
      const size = embeddingBytes(shard);
      const codec = shardCodec(shard);
      const read = rows.map(async ({ row, position }) => {
        const bytes = await readAt(handle, size, headerBytes + row * size);
        return codec.decode(row, bytes, target.subarray(position * dimension, (position + 1) * dimension));
      });
      return (await Promise.all(read)).every(Boolean);
    } finally {
      await handle.close();
    }
  }

  /** Returns a function that reads embeddings. It makes a shard again first if one of them is damaged. */
  function reader({ make, signal, onDamage }: Pick<Filling, 'make' | 'signal' | 'onDamage'>): ReadEmbeddings {
    let mending: Promise<void> = Promise.resolve();
    const damaged = new Set<string>();

    /** Makes one shard at a time; batches that are read ahead may report the same damage. */
    const mend = (shard: EmbeddingShard): Promise<void> => {
      const file = fileOf(shard);
      if (damaged.has(file)) return mending;
      damaged.add(file);
      onDamage?.(file);
      mending = mending
        // Whoever waited for the previous shard got its error.
        .catch(() => undefined)
        .then(() => rm(file, { force: true }))
        .then(() => fill({ make, signal }))
        .finally(() => damaged.delete(file));
      return mending;
    };

    return async (indices, shown) => {
      const target = new Float32Array(indices.length * dimension);
      const byShard = new Map<EmbeddingShard, Row[]>();
      for (const [position, index] of indices.entries()) {
        if (index < 0) continue;
        const copy = shown[position] as number;
        const shard = shards[copy * perCopy + Math.floor(index / embeddingsPerShard)];
        if (!shard || index >= images) {
          throw new RangeError(`There is no embedding of image ${index}, copy ${copy}.`);
        }
        const rows = byShard.get(shard) ?? [];
        rows.push({ row: index - shard.first, position });
        byShard.set(shard, rows);
      }
      await Promise.all(
        [...byShard].map(async ([shard, rows]) => {
          if (await readShard(shard, rows, target)) return;
          await mend(shard);
          if (await readShard(shard, rows, target)) return;
          throw new UserError(
            `${fileOf(shard)} was made again and is damaged again: the disk does not store it correctly.`,
            1,
          );
        }),
      );
      return target;
    };
  }

  return { missing, fill, reader, clear: () => onDisk(rm(folder, { recursive: true, force: true })) };
}

/** A row of a shard, and its position in the batch. */
type Row = Readonly<Record<'row' | 'position', number>>;

async function openIfThere(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new UserError(`${file} cannot be read (${errorCode(error)}).`, 1);
  }
}

/** Returns fewer bytes if the file ends. */
async function readAt(handle: FileHandle, length: number, position: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, await readInto(handle, bytes, position));
}

async function lockIfFree(file: string): Promise<(() => Promise<void>) | undefined> {
  try {
    const unlock = await lock(file, lockOptions);
    // A lock that was lost in the meantime belongs to another process.
    return () => unlock().catch(() => undefined);
  } catch (error) {
    if (errorCode(error) === 'ELOCKED') return undefined;
    throw error;
  }
}
