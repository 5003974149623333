import { join } from 'node:path';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { elementTypes } from '../element-types';

export interface ModelInput {
  readonly name: string;
  /** onnxruntime's name: float32, float16, uint8. */
  readonly type: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint16Array | Uint8Array;
}

export interface ModelOutput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

type Answer =
  | { readonly outputs: readonly { name: string; type: string; shape: number[]; data: ArrayLike<number> }[] }
  /** Why onnxruntime cannot run it. */
  | { readonly error: string };

/** In milliseconds; a network takes seconds. */
const patience = 600_000;

export type RunModel = (
  model: Uint8Array,
  external: ReadonlyMap<string, Uint8Array>,
  input: ModelInput,
) => readonly ModelOutput[] | { readonly error: string };

/** onnxruntime (WebAssembly, one thread) in a worker thread, because it answers later only, and here its answer is waited for. */
export class ModelRunner {
  private readonly worker = new Worker(join(__dirname, 'run-model-worker.cjs'), {
    // Loaders of TypeScript are of no use to it.
    execArgv: [],
    stdout: true,
    stderr: true,
  });

  constructor() {
    // An error before the worker listens, such as a missing package, must not end the process.
    this.worker.on('error', () => undefined);
    this.worker.unref();
  }

  /**
   * Runs a model once.
   * @param external files that the model names, by their names
   * @returns the reason where onnxruntime refuses the model
   */
  readonly run: RunModel = (model, external, input) => {
    const signal = new Int32Array(new SharedArrayBuffer(4));
    const { port1, port2 } = new MessageChannel();
    const files = [...external].map(([path, data]) => ({ path, data }));
    this.worker.postMessage({ model, external: files, input, signal, port: port2 }, [port2]);
    const ended = Atomics.wait(signal, 0, 0, patience);
    const answer = receiveMessageOnPort(port1)?.message as Answer | undefined;
    port1.close();
    if (!answer) return { error: ended === 'timed-out' ? 'it took more than ten minutes' : 'it gave no answer' };
    if ('error' in answer) return answer;
    return answer.outputs.map(({ name, type, shape, data }) => ({ name, shape, values: floats(type, data) }));
  };

  close(): void {
    void this.worker.terminate();
  }
}

/** Runs a model in a worker thread of its own, so that its memory, which never shrinks, is freed. */
export const runModel: RunModel = (...model) => {
  const runner = new ModelRunner();
  try {
    return runner.run(...model);
  } finally {
    runner.close();
  }
};

function floats(type: string, data: ArrayLike<number>): Float32Array {
  // Newer versions of Node hand out numbers (Float16Array) instead of bits. Not by `instanceof`: see `errorCode`.
  if (type !== 'float16' || !(ArrayBuffer.isView(data) && Reflect.get(data, Symbol.toStringTag) === 'Uint16Array')) {
    return Float32Array.from(data);
  }
  const bytes = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const read = elementTypes.get('float16')?.read ?? (() => Number.NaN);
  return Float32Array.from(data, (_, i) => read(bytes, 2 * i));
}
