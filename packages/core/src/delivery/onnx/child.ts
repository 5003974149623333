/** The process that runs ONNX files in onnxruntime-web: see engine.ts. */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import * as ort from 'onnxruntime-web';
import type { EngineAnswer, EngineTask } from './engine';

// One thread: its results are the same on every machine, and it needs no shared memory.
ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';

const sessions = new Map<string, Promise<ort.InferenceSession>>();

async function work({ path, input }: EngineTask): Promise<Record<string, Float32Array>> {
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
}

function open(path: string): Promise<ort.InferenceSession> {
  const tensors = `${path}.data`;
  return ort.InferenceSession.create(readFileSync(path), {
    executionProviders: ['wasm'],
    ...(existsSync(tensors) && { externalData: [{ path: basename(tensors), data: readFileSync(tensors) }] }),
  });
}

const answer = (message: EngineAnswer): void => {
  process.send?.(message);
};

process.on('message', async (task: EngineTask) => {
  try {
    answer({ id: task.id, outputs: await work(task) });
  } catch (error) {
    answer({ id: task.id, error: String((error as Partial<Error>)?.message ?? error) });
  }
});
// The parent process may have ended.
process.on('disconnect', () => process.exit());
