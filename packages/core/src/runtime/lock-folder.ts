import { readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lock } from 'proper-lockfile';

/** Who holds the lock, in the folder itself. */
const holderFile = 'holder.lock';

/** Milliseconds between two attempts at a lock that another process holds. */
const pause = 1000;

/**
 * Keeps other processes from a folder until what it returns is called. Waits while another one holds it, which `onWait`
 * is told. The lock of a process that was killed on this machine is taken over at once, of others after two minutes.
 */
export async function lockFolder(folder: string, onWait: () => void): Promise<() => Promise<void>> {
  for (let attempt = 0; ; attempt++) {
    // Each time: the holder may be killed while this one waits, and a killed orphan stays listed until it is reaped.
    removeLeftLock(folder);
    try {
      // A training step may keep the event loop, and so the lock's refreshing, busy for many seconds.
      const release = await lock(folder, { stale: 120_000, update: 10_000, onCompromised: () => undefined });
      writeFileSync(join(folder, holderFile), `${process.pid} ${hostname()}`);
      return () => {
        rmSync(join(folder, holderFile), { force: true });
        return release();
      };
    } catch (error) {
      if (Reflect.get(Object(error), 'code') !== 'ELOCKED') throw error;
      if (attempt === 0) onWait();
      await sleep(pause);
    }
  }
}

function removeLeftLock(folder: string): void {
  try {
    const before = statSync(`${folder}.lock`).ino;
    const [pid, host] = readFileSync(join(folder, holderFile), 'utf8').split(' ');
    if (host !== hostname() || isAlive(Number(pid))) return;
    // Another process may have taken it over between these lines.
    if (statSync(`${folder}.lock`).ino === before) rmdirSync(`${folder}.lock`);
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'ENOENT') throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return Reflect.get(Object(error), 'code') === 'EPERM';
  }
}
