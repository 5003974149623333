/** The work of the thread that runs an ONNX file: see load.ts. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import * as ort from 'onnxruntime-web';
import type { ModelInput } from '../format';

export interface SessionSetup {
  readonly path: string;
  /** The file of the tensors of a model of more than 2 GB. */
  readonly tensors?: string;
}

export function createJob({ path, tensors }: SessionSetup) {
  // One thread: its results are the same on every machine, and it needs no shared memory.
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const session = ort.InferenceSession.create(readFileSync(path), {
    executionProviders: ['wasm'],
    ...(tensors && { externalData: [{ path: basename(tensors), data: readFileSync(tensors) }] }),
  });
  return async ({ shape, values }: ModelInput): Promise<Record<string, Float32Array>> => {
    const model = await session;
    const type = values instanceof Uint8Array ? 'uint8' : 'float32';
    const [name] = model.inputNames as [string];
    const results = await model.run({ [name]: new ort.Tensor(type, values, [...shape]) });
    return Object.fromEntries(model.outputNames.map((output) => [output, results[output]?.data as Float32Array]));
  };
}
