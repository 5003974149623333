import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { checkRead, type ImageDataset } from '../dataset';
import { workerPool } from '../loading/pool';
import { buildImageFile, type ImageFile, openImageFile } from './image-file';
import type { RenderSetup, RenderTask } from './render-job';
import { type CreateRenderer, renderImage } from './renderer';

export interface ProceduralOptions<Options> {
  /** Part of the cache file's name: letters, digits and dashes. */
  readonly name: string;
  readonly size: number;
  readonly classes: number;
  /** One per image; the renderer gets the image's index. */
  readonly labels: Int32Array;
  /** Absolute path of a module that exports `createRenderer` (see renderer.ts). */
  readonly rendererModule: string;
  readonly rendererOptions: Options;
  readonly seed: number;
  /** Default: `.cache/procedural` of the workspace. */
  readonly cacheFolder?: string;
  /** Default: one per core. */
  readonly threads?: number;
}

const defaultCacheFolder = resolve(__dirname, '../../../../../.cache/procedural');

/** About 10 MB a task: large enough that messages cost nothing, small enough that two per thread fit anywhere. */
const taskBytes = 8 * 2 ** 20;

/** Images drawn to see whether the renderer's code still draws what it drew when a cache file was made. */
const probes = 24;

/**
 * Turns a renderer into a data set. The images are rendered by worker threads into one file under `cacheFolder`, when
 * `prepare` or the first `read` asks for them, and read from there ever after.
 *
 * The fingerprint covers options, seed, size, labels and 24 images rendered on the spot: an edited renderer, or a
 * JavaScript engine whose sine differs in the last bit, gets a cache file of its own without anybody's bumping a version.
 *
 * `read` and `prepare` throw UserError when the folder cannot be written; errors of the renderer name the image.
 */
export function proceduralDataset<Options>(options: ProceduralOptions<Options>): ImageDataset {
  const { name, size, classes, labels } = options;
  const fingerprint = fingerprintOf(options);
  const path = join(options.cacheFolder ?? defaultCacheFolder, `${name}-${fingerprint}.u8`);
  const layout = { path, name, fingerprint, size, count: labels.length };
  let opened: Promise<ImageFile> | undefined;

  function open(onProgress?: (done: number, total: number) => void): Promise<ImageFile> {
    opened ??= openImageFile(layout)
      .then((file) => file ?? buildImageFile(layout, (write) => renderAll(options, write, onProgress)))
      .catch((error) => {
        opened = undefined;
        throw error;
      });
    return opened;
  }

  return {
    name,
    classes,
    size,
    labels,
    fingerprint,
    prepare: async (onProgress) => {
      await open(onProgress);
    },
    read: async (indices, target) => {
      checkRead({ name, size, labels }, indices, target);
      await (await open()).read(indices, target);
    },
    close: async () => {
      const file = await opened?.catch(() => undefined);
      opened = undefined;
      await file?.close();
    },
  };
}

function fingerprintOf<Options>(options: ProceduralOptions<Options>): string {
  const { size, seed, labels, rendererModule, rendererOptions } = options;
  const { createRenderer }: { createRenderer: CreateRenderer<Options> } = require(rendererModule);
  const render = createRenderer({ options: rendererOptions, size, seed });
  const sha = createHash('sha256');
  sha.update(JSON.stringify({ rendererOptions, size, seed, count: labels.length }));
  sha.update(new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength));
  const image = new Uint8Array(size * size * 3);
  for (let i = 0; i < Math.min(probes, labels.length); i++) {
    renderImage(render, Math.floor((i * labels.length) / Math.min(probes, labels.length)), image);
    sha.update(image);
  }
  return sha.digest('hex').slice(0, 16);
}

type Write = (first: number, images: Uint8Array) => Promise<void>;

async function renderAll<Options>(
  options: ProceduralOptions<Options>,
  write: Write,
  onProgress: ((done: number, total: number) => void) | undefined,
): Promise<void> {
  const { name, size, seed, rendererModule, rendererOptions, threads } = options;
  const total = options.labels.length;
  const bytes = size * size * 3;
  const perTask = Math.max(1, Math.min(Math.floor(taskBytes / bytes), Math.ceil(total / 16)));
  const pool = workerPool<RenderSetup, RenderTask, void>({
    module: join(__dirname, 'render-job.ts'),
    setup: { rendererModule, rendererOptions, size, seed },
    threads,
  });
  let next = 0;
  let done = 0;

  // Two lanes per thread: while one lane's images go to disk, the other's are being rendered.
  async function lane(): Promise<void> {
    const memory = new SharedArrayBuffer(perTask * bytes);
    while (next < total) {
      const first = next;
      const count = Math.min(perTask, total - first);
      next += count;
      await pool.run({ first, count, memory });
      await write(first, new Uint8Array(memory, 0, count * bytes));
      done += count;
      onProgress?.(done, total);
    }
  }

  try {
    await Promise.all(Array.from({ length: pool.threads * 2 }, lane));
  } catch (error) {
    next = total;
    // An error that crossed threads is a plain clone: its message alone tells where it comes from.
    const { message } = error as { message: string };
    if (message.startsWith('image ')) throw new Error(`Rendering ${name} failed at ${message}`, { cause: error });
    throw error;
  } finally {
    await pool.close();
  }
}
