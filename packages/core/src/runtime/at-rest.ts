import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

// TensorFlow's threads for collective operations and for steps, as Linux shows them.
const names = /\((collective_ops|tf_\w+)\) [RD] /;

// Other processes may still cancel what they asked of this one.
const leastMilliseconds = 20;
const mostMilliseconds = 1000;

/**
 * Resolves when TensorFlow's threads have finished a step that failed, after a second at the latest. A failing collective
 * operation first ends the step, and then frees what it used; a server that gets other members in between makes it crash
 * (seen with TensorFlow 2.21: ~CompleteGroupCall uses the old worker cache, after 100 re-formings on a busy machine).
 */
export async function collectivesAtRest(): Promise<void> {
  const start = performance.now();
  do await sleep(leastMilliseconds);
  while (anyRuns() && performance.now() - start < mostMilliseconds);
}

/** Whether such a thread runs, or waits for a processor. Elsewhere than on Linux: no. */
function anyRuns(): boolean {
  const folder = '/proc/self/task';
  try {
    return readdirSync(folder).some((thread) => runs(`${folder}/${thread}/stat`));
  } catch {
    return false;
  }
}

function runs(file: string): boolean {
  try {
    return names.test(readFileSync(file, 'latin1'));
  } catch {
    // The thread has ended.
    return false;
  }
}
