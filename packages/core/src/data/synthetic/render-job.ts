import { type CreateRenderer, renderImage } from './renderer';

export interface RenderSetup {
  readonly rendererModule: string;
  readonly rendererOptions: unknown;
  readonly size: number;
  readonly seed: number;
}

/** Images [first, first + count) into shared memory, one after another. */
export interface RenderTask {
  readonly first: number;
  readonly count: number;
  readonly memory: SharedArrayBuffer;
}

/** The pool's job for procedural data sets. */
export function createJob({ rendererModule, rendererOptions, size, seed }: RenderSetup): (task: RenderTask) => void {
  const { createRenderer }: { createRenderer: CreateRenderer<unknown> } = require(rendererModule);
  const render = createRenderer({ options: rendererOptions, size, seed });
  const bytes = size * size * 3;
  return ({ first, count, memory }) => {
    for (let i = 0; i < count; i++) renderImage(render, first + i, new Uint8Array(memory, i * bytes, bytes));
  };
}
