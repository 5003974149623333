import { readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { lock } from 'proper-lockfile';

/** Who holds the lock, in the folder itself. */
const holderFile = 'holder.lock';

/**
 * Keeps other processes from a folder until what it returns is called. Waits while another one holds it, which `onWait`
 * is told. The lock of a process that was killed on this machine is taken over at once, of others after two minutes.
 */
export async function lockFolder(folder: string, onWait: () => void): Promise<() => Promise<void>> {
  // A training step may keep the event loop, and so the lock's refreshing, busy for many seconds.
  const options = { stale: 120_000, update: 10_000, onCompromised: () => undefined };
  const held = async (retries: object): Promise<() => Promise<void>> => {
    const release = await lock(folder, { ...options, ...retries });
    writeFileSync(join(folder, holderFile), `${process.pid} ${hostname()}`);
    return () => {
      rmSync(join(folder, holderFile), { force: true });
      return release();
    };
  };
  try {
    removeLeftLock(folder);
    return await held({});
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'ELOCKED') throw error;
    onWait();
    return await held({ retries: { forever: true, factor: 1, minTimeout: 1000 } });
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
