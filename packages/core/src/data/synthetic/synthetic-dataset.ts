import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { bytesOf } from '../../system/bytes-of';
import { checkRead, type ImageDataset, imageBytes } from '../dataset';
import { workerPool } from '../loading/pool';
import { buildImageFile, type ImageFile, openImageFile } from './image-file';
import { loadRenderer, type RenderSetup, type RenderTask } from './renderer';

export interface SyntheticOptions<Options> extends RenderSetup {
  /** Part of the cache file's name: letters, digits and dashes. */
  readonly name: string;
  readonly classes: number;
  /** One per image; the renderer gets the image's index. */
  readonly labels: Int32Array;
  readonly rendererOptions: Options;
  /** Default: `.cache/procedural` of the workspace. */
  readonly cacheFolder?: string;
  /** Default: one per core. */
  readonly threads?: number;
}

const defaultCacheFolder = resolve(__dirname, '../../../../../.cache/procedural');

/** About 10 MB a task: large enough that messages cost nothing, small enough that two per thread fit in memory. */
const taskBytes = 8 * 2 ** 20;

/** How many images the fingerprint covers. */
const probes = 24;

/**
 * A dataset whose images a renderer makes. `prepare` or the first `read` lets worker threads render all images into one
 * file under `cacheFolder`; later reads use the file.
 * The fingerprint covers options, seed, size, labels and 24 images rendered at once: an edited renderer, or a JavaScript
 * engine whose sine differs in the last bit, gets its own cache file without a version number.
 * `read` and `prepare` throw UserError if the folder cannot be written; errors of the renderer name the image.
 */
export function syntheticDataset<Options>(options: SyntheticOptions<Options>): ImageDataset {
  const { name, size, classes, labels, cacheFolder = defaultCacheFolder } = options;
  const fingerprint = fingerprintOf(options);
  const path = join(cacheFolder, `${name}-${fingerprint}.u8`);
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
    prepare: (onProgress) => open(onProgress).then(() => undefined),
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

/** Labels of a synthetic dataset: image i belongs to class i % classes. */
export function interleavedLabels(classes: number, imagesPerClass: number): Int32Array {
  return Int32Array.from({ length: classes * imagesPerClass }, (_, i) => i % classes);
}

function fingerprintOf<Options>(options: SyntheticOptions<Options>): string {
  const { size, seed, labels, rendererOptions } = options;
  const render = loadRenderer(options);
  const sha = createHash('sha256');
  sha.update(JSON.stringify({ rendererOptions, size, seed, count: labels.length }));
  sha.update(bytesOf(labels));
  const image = new Uint8Array(imageBytes(options));
  const count = Math.min(probes, labels.length);
  for (let i = 0; i < count; i++) {
    render(Math.floor((i * labels.length) / count), image);
    sha.update(image);
  }
  return sha.digest('hex').slice(0, 16);
}

async function renderAll<Options>(
  options: SyntheticOptions<Options>,
  write: (first: number, images: Uint8Array) => Promise<void>,
  onProgress: ((done: number, total: number) => void) | undefined,
): Promise<void> {
  const { name, size, seed, rendererModule, rendererOptions, threads } = options;
  const total = options.labels.length;
  const bytes = imageBytes(options);
  const perTask = Math.max(1, Math.min(Math.floor(taskBytes / bytes), Math.ceil(total / 16)));
  const pool = workerPool<RenderSetup, RenderTask, void>({
    module: join(__dirname, 'renderer.ts'),
    setup: { rendererModule, rendererOptions, size, seed },
    threads,
  });
  let next = 0;
  let done = 0;

  // Two lanes per thread: while the images of one lane go to disk, the thread renders those of the other.
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
    // An error that crossed threads is a plain clone: only its message says where it comes from.
    const { message } = error as { message: string };
    if (message.startsWith('image ')) throw new Error(`Rendering ${name} failed at ${message}`, { cause: error });
    throw error;
  } finally {
    await pool.close();
  }
}
