import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tryLock } from './process-lock';

/** Who holds the lock, in the folder itself. */
const holderFile = 'holder.lock';

/** Milliseconds between two attempts at a lock that another process holds. */
const pause = 1000;

/** `lockFolder` that does not wait: undefined where another process holds the lock. */
export function tryLockFolder(folder: string): Promise<(() => Promise<void>) | undefined> {
  return tryLock(folder, join(folder, holderFile));
}

/**
 * Keeps other processes from a folder until what it returns is called. Waits while another one holds it, which `onWait`
 * is told, until `signal` is aborted, whose reason it throws. The lock of a process that was killed on this machine is taken over at once, of others after two minutes.
 */
export async function lockFolder(
  folder: string,
  onWait: () => void,
  signal?: AbortSignal,
): Promise<() => Promise<void>> {
  for (let attempt = 0; ; attempt++) {
    // Each time: the holder may be killed while this one waits, and a killed orphan stays listed until it is reaped.
    const release = await tryLockFolder(folder);
    if (release) return release;
    if (attempt === 0) onWait();
    await sleep(pause, undefined, { signal });
  }
}
