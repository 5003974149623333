/** The renderer of a synthetic dataset, and the job with which worker threads run it. */
import type { ImageSize } from '../../system/image-size';
import { imageBytes } from '../dataset';

/**
 * Renders image `index` into `target` (height * width * 3 bytes, HWC). The image must depend on the arguments alone: any
 * thread may render any image, in any order.
 */
export type Renderer = (index: number, target: Uint8Array) => void;

/** A renderer's module exports this function as `createRenderer`; `options` must survive JSON. */
export type CreateRenderer<Options> = (setup: { options: Options; size: ImageSize; seed: number }) => Renderer;

export interface RenderSetup {
  /** Absolute path of the renderer's module. */
  readonly rendererModule: string;
  readonly rendererOptions: unknown;
  readonly size: ImageSize;
  readonly seed: number;
}

/** Images [first, first + count), rendered into shared memory one after another. */
export interface RenderTask {
  readonly first: number;
  readonly count: number;
  readonly memory: SharedArrayBuffer;
}

/** Loads the renderer of a module. Its errors name the image. */
export function loadRenderer({ rendererModule, rendererOptions: options, size, seed }: RenderSetup): Renderer {
  const { createRenderer }: { createRenderer: CreateRenderer<unknown> } = require(rendererModule);
  const render = createRenderer({ options, size, seed });
  return (index, target) => {
    try {
      render(index, target);
    } catch (error) {
      throw new Error(`image ${index}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  };
}

/** The job of the worker threads. */
export function createJob(setup: RenderSetup): (task: RenderTask) => void {
  const render = loadRenderer(setup);
  const bytes = imageBytes(setup);
  return ({ first, count, memory }) => {
    for (let i = 0; i < count; i++) render(first + i, new Uint8Array(memory, i * bytes, bytes));
  };
}
