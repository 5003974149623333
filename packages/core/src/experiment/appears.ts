import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds. NFS shows a new file to other machines up to a minute late (acdirmax). */
const latest = 65_000;
const pause = 500;

/**
 * Waits until another machine's file is seen here.
 * @returns what `look` has found; undefined if it finds nothing in all the time
 * @throws the signal's reason when it is aborted
 */
export async function appears<T>(
  look: () => T | undefined | Promise<T | undefined>,
  signal: AbortSignal,
  patience = latest,
): Promise<T | undefined> {
  const end = performance.now() + patience;
  for (;;) {
    signal.throwIfAborted();
    const found = await look();
    if (found !== undefined || performance.now() > end) return found;
    await sleep(pause, undefined, { signal });
  }
}
