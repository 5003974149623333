/** Rows of numbers of a data set's images, on disk: a folder of shards that are whole or not there. */
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lock } from 'proper-lockfile';
import { readInto } from '../../system/read-into';
import { UserError } from '../../system/user-error';
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
  /** Default 8192: what an interruption loses at most. */
  readonly embeddingsPerShard?: number;
}

/** The rows of a shard in their order, some at a time: [some, dimension]. */
export type MakeEmbeddings = (shard: EmbeddingShard) => AsyncIterable<Float32Array>;

export interface Filling {
  readonly make: MakeEmbeddings;
  readonly signal: AbortSignal;
  /** Hears of rows that are there, and in all. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Other processes are making all that is missing. */
  readonly onWait?: () => void;
}

export interface EmbeddingStore {
  readonly shards: readonly EmbeddingShard[];
  /** Those whose files are not there, torn, or of something else. */
  missing(): Promise<EmbeddingShard[]>;
  /**
   * Makes what is missing, a shard at a time; several processes share the work. One that is stopped has lost no more
   * than the shard it was at.
   * @throws the signal's reason; UserError for a folder that cannot be written
   */
  fill(filling: Filling): Promise<void>;
  /** Reads rows; a shard with one that is damaged is made again first. */
  reader(filling: Pick<Filling, 'make' | 'signal'> & { readonly onDamage?: (file: string) => void }): ReadEmbeddings;
  clear(): Promise<void>;
}

const defaultEmbeddingsPerShard = 8192;

// A compilation may keep the event loop, and so a lock's refreshing, busy for many seconds.
const lockOptions = { realpath: false, stale: 60_000, update: 5000, onCompromised: () => undefined };

export function embeddingStore(layout: EmbeddingStoreLayout): EmbeddingStore {
  const { folder, key, type, dimension, images, copies, embeddingsPerShard = defaultEmbeddingsPerShard } = layout;
  const perCopy = Math.ceil(images / embeddingsPerShard);
  const shards = Array.from({ length: perCopy * copies }, (_, i): EmbeddingShard => {
    const first = (i % perCopy) * embeddingsPerShard;
    return {
      key,
      type,
      dimension,
      copy: Math.floor(i / perCopy),
      first,
      count: Math.min(embeddingsPerShard, images - first),
    };
  });
  const fileOf = ({ copy, first }: EmbeddingShard): string =>
    join(folder, `view${copy}-${String(first / embeddingsPerShard).padStart(5, '0')}.rows`);

  const onDisk = <T>(work: Promise<T>): Promise<T> => work.catch((error) => Promise.reject(unwritable(error, layout)));

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

  async function missing(): Promise<EmbeddingShard[]> {
    const found: EmbeddingShard[] = [];
    for (const shard of shards) if (!(await isWhole(shard))) found.push(shard);
    return found;
  }

  /** Writes a shard that appears whole; the caller has its lock. */
  async function write(
    shard: EmbeddingShard,
    { make, signal }: Filling,
    onRows: (count: number) => void,
  ): Promise<void> {
    const file = fileOf(shard);
    const temporary = `${file}.tmp`;
    const codec = shardCodec(shard);
    let row = 0;
    // Not truncated: whoever left it may yet have it open.
    await onDisk(rm(temporary, { force: true }));
    const handle = await onDisk(open(temporary, 'wx'));
    try {
      await onDisk(handle.appendFile(shardHeader(shard)));
      for await (const values of make(shard)) {
        await onDisk(handle.appendFile(codec.encode(row, values)));
        row += values.length / dimension;
        onRows(values.length / dimension);
        signal.throwIfAborted();
      }
      if (row !== shard.count) throw new Error(`${file} was to have ${shard.count} rows, ${row} were made.`);
      await onDisk(handle.sync());
      await handle.close();
      await onDisk(rename(temporary, file));
    } catch (error) {
      await handle.close().catch(() => undefined);
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async function fill(filling: Filling): Promise<void> {
    const { signal, onProgress, onWait } = filling;
    const total = images * copies;
    let waiting = false;
    await onDisk(mkdir(folder, { recursive: true }));
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

  /** The rows at `places` of a shard into `target`; false where one of them is damaged or missing. */
  async function readShard(shard: EmbeddingShard, places: readonly Place[], target: Float32Array): Promise<boolean> {
    const handle = await openIfThere(fileOf(shard));
    if (!handle) return false;
    try {
      const size = embeddingBytes(shard);
      const codec = shardCodec(shard);
      const read = places.map(async ({ row, at }) => {
        const bytes = await readAt(handle, size, headerBytes + row * size);
        return codec.decode(row, bytes, target.subarray(at * dimension, (at + 1) * dimension));
      });
      return (await Promise.all(read)).every(Boolean);
    } finally {
      await handle.close();
    }
  }

  return {
    shards,
    missing,
    fill,
    reader({ make, signal, onDamage }) {
      let mending: Promise<void> = Promise.resolve();
      const damaged = new Set<string>();

      /** One shard at a time; batches that are read ahead meet the same damage. */
      const mend = (shard: EmbeddingShard): Promise<void> => {
        const file = fileOf(shard);
        if (damaged.has(file)) return mending;
        damaged.add(file);
        onDamage?.(file);
        mending = mending
          // Whoever waited for the one before was told.
          .catch(() => undefined)
          .then(() => rm(file, { force: true }))
          .then(() => fill({ make, signal }))
          .finally(() => damaged.delete(file));
        return mending;
      };

      return async (indices, shown) => {
        const target = new Float32Array(indices.length * dimension);
        const byShard = new Map<EmbeddingShard, Place[]>();
        for (const [at, index] of indices.entries()) {
          if (index < 0) continue;
          const shard = shards[(shown[at] as number) * perCopy + Math.floor(index / embeddingsPerShard)];
          if (!shard || index >= images) throw new RangeError(`There is no row of image ${index}, view ${shown[at]}.`);
          const places = byShard.get(shard) ?? [];
          places.push({ row: index - shard.first, at });
          byShard.set(shard, places);
        }
        await Promise.all(
          [...byShard].map(async ([shard, places]) => {
            if (await readShard(shard, places, target)) return;
            await mend(shard);
            if (await readShard(shard, places, target)) return;
            throw new UserError(`${fileOf(shard)} was made again and is damaged again: the disk does not keep it.`, 1);
          }),
        );
        return target;
      };
    },
    clear: () => onDisk(rm(folder, { recursive: true, force: true })),
  };
}

interface Place {
  /** In the shard. */
  readonly row: number;
  /** In the batch. */
  readonly at: number;
}

async function openIfThere(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'r');
  } catch (error) {
    if (code(error) === 'ENOENT') return undefined;
    throw new UserError(`${file} cannot be read (${code(error)}).`, 1);
  }
}

/** Fewer bytes where the file ends. */
async function readAt(handle: FileHandle, length: number, position: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, await readInto(handle, bytes, position));
}

async function lockIfFree(file: string): Promise<(() => Promise<void>) | undefined> {
  try {
    const unlock = await lock(file, lockOptions);
    // A lock that was lost meanwhile is not ours to give back.
    return () => unlock().catch(() => undefined);
  } catch (error) {
    if (code(error) === 'ELOCKED') return undefined;
    throw error;
  }
}

function unwritable(error: unknown, { folder, images, copies, ...layout }: EmbeddingStoreLayout): unknown {
  switch (code(error)) {
    case 'ENOSPC':
    case 'EDQUOT': {
      const megabytes = Math.ceil((images * copies * embeddingBytes(layout)) / 1e6);
      return new UserError(
        `The disk of ${folder} is full: the teacher's cache needs ${megabytes} MB there; --teacher-cache-dir is another place for it. What was made is kept.`,
        1,
      );
    }
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EEXIST':
      return new UserError(
        `The teacher's cache cannot be written to ${folder} (${code(error)}); --teacher-cache-dir is another place for it.`,
        1,
      );
    default:
      return error;
  }
}

/** Not by instanceof: under jest the file system's errors come from another realm. */
function code(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined;
}
