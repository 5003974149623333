import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { holderOf, tryLock } from './process-lock';

/** Who holds the lock, in the folder itself. */
const holderFile = 'holder.lock';

/** Milliseconds between two attempts at a lock that another process holds. */
const pause = 1000;

/** What is known of the process that locked a folder last and did not let go; undefined where none did. */
export const folderHolder = (folder: string) => holderOf(folder, join(folder, holderFile));

/** `lockFolder` that does not wait: undefined where another process holds the lock. */
export function tryLockFolder(folder: string): Promise<(() => Promise<void>) | undefined> {
  return tryLock(folder, join(folder, holderFile));
}

/**
 * Keeps other processes from a folder until what it returns is called. Waits while another one holds it, which `onWait`
 * is told, until `signal` is aborted, whose reason it throws. Of a process that was killed, see `tryLock`.
 */
export async function lockFolder(
  folder: string,
  onWait: () => void,
  signal?: AbortSignal,
): Promise<() => Promise<void>> {
  for (let attempt = 0; ; attempt++) {
    // Each time: the holder may be killed while this one waits.
    const release = await tryLockFolder(folder);
    if (release) return release;
    if (attempt === 0) onWait();
    await sleep(pause, undefined, { signal });
  }
}
