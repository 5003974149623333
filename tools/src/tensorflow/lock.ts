import { lock } from 'proper-lockfile';
import { say } from './progress';

/**
 * Runs `work` while no other process holds the lock `file`, waiting for that one to end. A holder that died lets go
 * after 20 seconds, because it renews the lock while it lives.
 */
export async function locked<Result>(file: string, signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  const options = {
    lockfilePath: file,
    realpath: false,
    stale: 20_000,
    update: 5_000,
    // Losing it (a laptop that slept) costs double work, not damage: what is finished is always renamed into place.
    onCompromised: () => undefined,
  };
  const release = await acquire(file, options, signal);
  try {
    return await work();
  } finally {
    await release().catch(() => undefined);
  }
}

async function acquire(
  file: string,
  options: Parameters<typeof lock>[1],
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  for (let told = false; ; told = true) {
    signal.throwIfAborted();
    try {
      return await lock(file, options);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      if (!told) say('Another call is setting TensorFlow up; waiting for it.');
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
