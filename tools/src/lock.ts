import { setTimeout as sleep } from 'node:timers/promises';
import { lock } from 'proper-lockfile';

/**
 * Runs `work` while no other process holds the lock `file`. If one does, prints `waiting` and waits until it releases
 * the lock, or until 20 seconds after it died.
 */
export async function locked<Result>(
  file: string,
  waiting: string,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  const release = await acquire(file, waiting, signal);
  try {
    return await work();
  } finally {
    await release().catch(() => undefined);
  }
}

async function acquire(file: string, waiting: string, signal: AbortSignal): Promise<() => Promise<void>> {
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await lock(file, {
        lockfilePath: file,
        realpath: false,
        stale: 20_000,
        update: 5_000,
        // A lost lock (a laptop that slept) costs double work, not damage: finished files are renamed into place.
        onCompromised: () => undefined,
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      if (attempt === 0) console.log(waiting);
      await sleep(500);
    }
  }
}
