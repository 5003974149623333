import { join } from 'node:path';
import { workerPool } from '../../data/loading/pool';
import type { LoadedModel } from '../format';
import type { SessionTask } from './session-job';

/** Runs ONNX files in onnxruntime-web, in a thread: it computes without pause, and loads its code with `import`. */
export interface OnnxEngine {
  load(path: string): LoadedModel;
  close(): Promise<void>;
}

export function startOnnx(): OnnxEngine {
  const pool = workerPool<undefined, SessionTask, Record<string, Float32Array>>({
    module: join(__dirname, 'session-job.ts'),
    setup: undefined,
    threads: 1,
  });
  return {
    load: (path) => ({
      run: (input) => pool.run({ path, input }),
      close: async () => {
        await pool.run({ path });
      },
    }),
    close: () => pool.close(),
  };
}

/** Loads one ONNX file in an engine of its own. */
export async function loadOnnx(path: string): Promise<LoadedModel> {
  const engine = startOnnx();
  return { run: (input) => engine.load(path).run(input), close: () => engine.close() };
}
