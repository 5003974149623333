import { parentPort, workerData } from 'node:worker_threads';
import type { JobModule } from './pool';

/** What runs inside each thread of a pool: loads the job's module, then answers one task after another. */
function serve(): void {
  const port = parentPort;
  if (port === null) throw new Error('pool-worker runs in a worker thread only');
  const { module, setup } = workerData as { module: string; setup: unknown };
  const { createJob }: JobModule<unknown, unknown, unknown> = require(module);
  const job = createJob(setup);
  port.on('message', async (task: unknown) => {
    try {
      port.postMessage({ result: await job(task) });
    } catch (error) {
      port.postMessage({ error: error instanceof Error ? error : new Error(String(error)) });
    }
  });
  port.postMessage({ ready: true });
}

serve();
