/**
 * Draws image `index` into `target` (size * size * 3 bytes, HWC). Must depend on its arguments alone: any thread may be
 * asked for any image, in any order.
 */
export type Renderer = (index: number, target: Uint8Array) => void;

/** What a renderer's module exports as `createRenderer`; `options` must survive JSON. */
export type CreateRenderer<Options> = (setup: { options: Options; size: number; seed: number }) => Renderer;
