import { lock } from 'proper-lockfile';

/**
 * Takes a folder for this process alone, waiting for as long as another one has it.
 * @param onWait told once, before it waits
 * @returns what gives the folder back
 */
export async function lockFolder(folder: string, onWait: () => void): Promise<() => Promise<void>> {
  // A training step may keep the event loop, and so the lock's refreshing, busy for many seconds.
  const options = { stale: 120_000, update: 10_000, onCompromised: () => undefined };
  try {
    return await lock(folder, options);
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'ELOCKED') throw error;
    onWait();
    return await lock(folder, { ...options, retries: { forever: true, factor: 1, minTimeout: 1000 } });
  }
}
