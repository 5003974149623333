/**
 * Draws image `index` into `target` (size * size * 3 bytes, HWC). Must depend on its arguments alone: any thread may be
 * asked for any image, in any order.
 */
export type Renderer = (index: number, target: Uint8Array) => void;

/** What a renderer's module exports as `createRenderer`; `options` must survive JSON. */
export type CreateRenderer<Options> = (setup: { options: Options; size: number; seed: number }) => Renderer;

/** Renders one image; an error names it. */
export function renderImage(render: Renderer, index: number, target: Uint8Array): void {
  try {
    render(index, target);
  } catch (error) {
    throw new Error(`image ${index}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
