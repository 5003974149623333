import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { workerPool } from '../../data/loading/pool';
import type { LoadedModel, ModelInput } from '../format';
import type { SessionSetup } from './session-job';

/** Loads an ONNX file in onnxruntime-web, in a thread: it computes without pause, and loads its code with `import`. */
export async function loadOnnx(path: string): Promise<LoadedModel> {
  const tensors = `${path}.data`;
  const setup: SessionSetup = { path, ...(existsSync(tensors) && { tensors }) };
  const pool = workerPool<SessionSetup, ModelInput, Record<string, Float32Array>>({
    module: join(__dirname, 'session-job.ts'),
    setup,
    threads: 1,
  });
  return { run: (input) => pool.run(input), close: () => pool.close() };
}
