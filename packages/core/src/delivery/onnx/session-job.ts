/** The work of the thread that runs ONNX files: see load.ts. */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import * as ort from 'onnxruntime-web';
import type { ModelInput } from '../format';

export interface SessionTask {
  /** The model's file; its tensors lie beside it in `<file>.data` where they are more than 2 GB. */
  readonly path: string;
  /** Absent: forgets the model. */
  readonly input?: ModelInput;
}

export function createJob() {
  // One thread: its results are the same on every machine, and it needs no shared memory.
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const sessions = new Map<string, Promise<ort.InferenceSession>>();
  return async ({ path, input }: SessionTask): Promise<Record<string, Float32Array>> => {
    const session = sessions.get(path) ?? open(path);
    sessions.set(path, session);
    const model = await session;
    if (!input) {
      sessions.delete(path);
      await model.release();
      return {};
    }
    const { shape, values } = input;
    const [name] = model.inputNames as [string];
    const type = values instanceof Uint8Array ? 'uint8' : 'float32';
    const results = await model.run({ [name]: new ort.Tensor(type, values, [...shape]) });
    return Object.fromEntries(model.outputNames.map((output) => [output, results[output]?.data as Float32Array]));
  };
}

async function open(path: string): Promise<ort.InferenceSession> {
  const tensors = `${path}.data`;
  return ort.InferenceSession.create(readFileSync(path), {
    executionProviders: ['wasm'],
    ...(existsSync(tensors) && { externalData: [{ path: basename(tensors), data: readFileSync(tensors) }] }),
  });
}
