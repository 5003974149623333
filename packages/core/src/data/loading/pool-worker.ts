/** The code of a pool's threads: loads the job's module, then answers one task after another. */
import { parentPort, workerData } from 'node:worker_threads';
import type { JobModule } from './pool';

if (parentPort === null) throw new Error('pool-worker runs only in a worker thread');
const port = parentPort;
const { module: path, setup } = workerData as { module: string; setup: unknown };
const { createJob }: JobModule<unknown, unknown, unknown> = require(path);
const job = createJob(setup);
port.on('message', async (task: unknown) => {
  try {
    port.postMessage({ result: await job(task) });
  } catch (error) {
    port.postMessage({ error: error instanceof Error ? error : new Error(String(error)) });
  }
});
port.postMessage({ ready: true });
