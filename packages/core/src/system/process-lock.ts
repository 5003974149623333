import { readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { lock } from 'proper-lockfile';

/** What this process holds: after a container's start, a process has the number that a dead one had. */
const held = new Set<string>();

/**
 * Keeps other processes from `path` until what it returns is called; undefined where another one holds it. The lock of a
 * process that was killed on this machine is taken over at once, of one that cannot be known about two minutes after it
 * was refreshed last. One that is known to live keeps it, though it may have been suspended for hours.
 * @param holderFile where it is written who holds it
 */
export async function tryLock(path: string, holderFile: string): Promise<(() => Promise<void>) | undefined> {
  if (holderOf(path, holderFile) === 'lives') return undefined;
  removeLeftLock(path, holderFile);
  try {
    // A training step may keep the event loop, and so the lock's refreshing, busy for many seconds.
    const release = await lock(path, { stale: 120_000, update: 10_000, onCompromised: () => undefined });
    held.add(resolve(path));
    try {
      writeFileSync(holderFile, `${process.pid} ${hostname()} ${birthOf(process.pid) ?? ''}`);
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
    if (holderOf(path, holderFile) !== 'gone') return;
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

/** What is known of the process that a holder file names; undefined where there is no such file. */
export function holderOf(path: string, holderFile: string): 'lives' | 'gone' | 'unknown' | undefined {
  let told: string;
  try {
    told = readFileSync(holderFile, 'utf8');
  } catch {
    return undefined;
  }
  const [pid = '', host, birth] = told.split(' ');
  if (host !== hostname()) return 'unknown';
  if (Number(pid) === process.pid) return held.has(resolve(path)) ? 'lives' : 'gone';
  if (!isAlive(Number(pid))) return 'gone';
  const now = birthOf(Number(pid));
  if (!now || !birth) return 'unknown';
  return now === birth ? 'lives' : 'gone';
}

/** When a process began, which tells it from a later one of its number; undefined where the system does not say. */
function birthOf(pid: number): string | undefined {
  return fieldsOf(pid)?.[19];
}

/** What Linux says of a process behind its name, which may hold anything: its state first. */
function fieldsOf(pid: number): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  // One that was killed stays listed until it is reaped.
  if (fieldsOf(pid)?.[0] === 'Z') return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return Reflect.get(Object(error), 'code') === 'EPERM';
  }
}
