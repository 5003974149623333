/** The process that runs ONNX files in onnxruntime-web: see engine.ts. */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import * as ort from 'onnxruntime-web';
import { serve } from '../engine/serve';
import type { LoadedModel } from '../format';

// One thread: its results are the same on every machine, and it needs no shared memory.
ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';

async function open(path: string): Promise<LoadedModel> {
  const tensors = `${path}.data`;
  const session = await ort.InferenceSession.create(readFileSync(path), {
    executionProviders: ['wasm'],
    ...(existsSync(tensors) && { externalData: [{ path: basename(tensors), data: readFileSync(tensors) }] }),
  });
  const [input] = session.inputNames as [string];
  return {
    async run({ shape, values }) {
      const type = values instanceof Uint8Array ? 'uint8' : 'float32';
      const results = await session.run({ [input]: new ort.Tensor(type, values, [...shape]) });
      return Object.fromEntries(session.outputNames.map((name) => [name, results[name]?.data as Float32Array]));
    },
    close: () => session.release(),
  };
}

serve(open);
