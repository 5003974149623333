import { readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lock } from 'proper-lockfile';
import { errorCode } from './whole-file';

/** The file in a locked folder that names the lock's holder. */
const holderFile = 'holder.lock';

/** Milliseconds between two attempts to get another process's lock. */
const pause = 1000;

/**
 * Locks a folder against other processes until the returned function is called. Calls `onWait` and waits while another
 * process holds the lock; throws the reason of `signal` when it is aborted. See `tryLock` for killed processes.
 */
export async function lockFolder(
  folder: string,
  onWait: () => void,
  signal?: AbortSignal,
): Promise<() => Promise<void>> {
  for (let attempt = 0; ; attempt++) {
    // Checks the holder in each attempt, because it may be killed in the meantime.
    const release = await tryLockFolder(folder);
    if (release) return release;
    if (attempt === 0) onWait();
    await sleep(pause, undefined, { signal });
  }
}

/** `lockFolder` without waiting: undefined if another process holds the lock. */
export const tryLockFolder = (folder: string) => tryLock(folder, join(folder, holderFile));

/** The state of the process that locked a folder and did not release it; undefined if there is none. */
export const folderHolder = (folder: string) => holderOf(folder, join(folder, holderFile));

/** The paths that this process holds: after a container restarts, its process may have the id of a dead holder. */
const heldPaths = new Set<string>();

/**
 * Locks a path against other processes until the returned function is called; undefined if another process holds the
 * lock. If the holder was killed on this machine, takes over its lock at once; if the holder's state is unknown, about two
 * minutes after its last refresh. A live process keeps its lock, even if it was suspended for hours.
 * @param holderFile the file that names the holder
 */
export async function tryLock(path: string, holderFile: string): Promise<(() => Promise<void>) | undefined> {
  if (holderOf(path, holderFile) === 'lives') return undefined;
  removeDeadLock(path, holderFile);
  try {
    // A training step may block the event loop, and so the refresh, for many seconds.
    const release = await lock(path, { stale: 120_000, update: 10_000, onCompromised: () => undefined });
    heldPaths.add(resolve(path));
    try {
      writeFileSync(holderFile, `${process.pid} ${hostname()} ${startOf(process.pid) ?? ''}`);
    } catch {
      // The disk is full. The lock works without a named holder, but others wait two minutes if this process dies.
    }
    return () => {
      heldPaths.delete(resolve(path));
      rmSync(holderFile, { force: true });
      // Fails if the lock was removed by hand or taken over: there is nothing to release.
      return release().catch(() => undefined);
    };
  } catch (error) {
    if (errorCode(error) !== 'ELOCKED') throw error;
    return undefined;
  }
}

function removeDeadLock(path: string, holderFile: string): void {
  try {
    const before = lockId(path);
    if (holderOf(path, holderFile) !== 'gone') return;
    // Another process may have taken over the lock since the first line.
    if (lockId(path) !== before) return;
    // The holder file goes first: otherwise the next holder looks dead until it has written its own.
    rmSync(holderFile, { force: true });
    rmdirSync(`${path}.lock`);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

/** Identifies one locking of a path; an inode number may be reused. */
const lockId = (path: string): string => {
  const { ino, birthtimeNs } = statSync(`${path}.lock`, { bigint: true });
  return `${ino} ${birthtimeNs}`;
};

/** The state of the process that a holder file names; undefined without a holder file. */
function holderOf(path: string, holderFile: string): 'lives' | 'gone' | 'unknown' | undefined {
  let holder: string;
  try {
    holder = readFileSync(holderFile, 'utf8');
  } catch {
    return undefined;
  }
  const [pid = '', host, start] = holder.split(' ');
  if (host !== hostname()) return 'unknown';
  if (Number(pid) === process.pid) return heldPaths.has(resolve(path)) ? 'lives' : 'gone';
  if (!isAlive(Number(pid))) return 'gone';
  const now = startOf(Number(pid));
  if (!now || !start) return 'unknown';
  return now === start ? 'lives' : 'gone';
}

/** A process's start time, which distinguishes it from later processes with its id; undefined if unknown. */
export const startOf = (pid: number): string | undefined => statFields(pid)?.[19];

/** The fields of Linux's /proc/PID/stat after the process's name, which may contain spaces; the first is the state. */
function statFields(pid: number): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return undefined;
  }
}

export function isAlive(pid: number): boolean {
  // A killed process stays listed as a zombie until its parent has waited for it.
  if (statFields(pid)?.[0] === 'Z') return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
