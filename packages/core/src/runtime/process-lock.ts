import { readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { lock } from 'proper-lockfile';

/** What this process holds: after a container's start, a process has the number that a dead one had. */
const held = new Set<string>();

/**
 * Keeps other processes from `path` until what it returns is called; undefined where another one holds it. The lock of a
 * process that was killed on this machine is taken over at once, of others after two minutes.
 * @param holderFile where it is written who holds it
 */
export async function tryLock(path: string, holderFile: string): Promise<(() => Promise<void>) | undefined> {
  removeLeftLock(path, holderFile);
  try {
    // A training step may keep the event loop, and so the lock's refreshing, busy for many seconds.
    const release = await lock(path, { stale: 120_000, update: 10_000, onCompromised: () => undefined });
    held.add(resolve(path));
    try {
      writeFileSync(holderFile, `${process.pid} ${hostname()}`);
    } catch {
      // On a full disk nobody learns who holds it: should it be left, it is waited for until it is old.
    }
    return () => {
      held.delete(resolve(path));
      rmSync(holderFile, { force: true });
      // Removed by hand, or another process's by now: there is nothing to let go.
      return release().catch(() => undefined);
    };
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'ELOCKED') throw error;
    return undefined;
  }
}

function removeLeftLock(path: string, holderFile: string): void {
  try {
    const before = taken(path);
    const [pid, host] = readFileSync(holderFile, 'utf8').split(' ');
    if (host !== hostname() || isAlive(Number(pid), path)) return;
    // Another process may have taken it over between these lines.
    if (taken(path) !== before) return;
    // First: whoever takes the lock next is not to be mistaken for the dead one before it has written its own number.
    rmSync(holderFile, { force: true });
    rmdirSync(`${path}.lock`);
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'ENOENT') throw error;
  }
}

/** Tells one taking of a lock from the next: a file system may give both the same inode. */
const taken = (path: string): string => {
  const { ino, birthtimeNs } = statSync(`${path}.lock`, { bigint: true });
  return `${ino} ${birthtimeNs}`;
};

function isAlive(pid: number, path: string): boolean {
  if (pid === process.pid) return held.has(resolve(path));
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return Reflect.get(Object(error), 'code') === 'EPERM';
  }
}
