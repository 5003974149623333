import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, startOf } from './lock';

/**
 * Makes a folder for this process's temporary files: PREFIX, then the machine, the process's id, its start and six random
 * characters. First removes the folders of that prefix whose processes were killed before they could remove them.
 * @param prefix ends in a dash: `headshare-workers-`
 */
export function makeProcessFolder(prefix: string, parent = tmpdir()): string {
  removeAbandoned(prefix, parent);
  return mkdtempSync(join(parent, `${prefix}${machine()}-${process.pid}-${startOf(process.pid) ?? 0}-`));
}

function removeAbandoned(prefix: string, parent: string): void {
  const own = `${prefix}${machine()}-`;
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(own)) continue;
    const [, pid, start] = /^(\d+)-(\d+)-\w{6}$/.exec(name.slice(own.length)) ?? [];
    if (pid === undefined || lives(Number(pid), Number(start))) continue;
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {
      // It belongs to another user.
    }
  }
}

/** @param start 0: unknown */
function lives(pid: number, start: number): boolean {
  if (!isAlive(pid)) return false;
  const now = Number(startOf(pid) ?? 0);
  return now === 0 || start === 0 || now === start;
}

/** Tells process ids of other machines and containers, which may share the folder, from those of this one. */
function machine(): string {
  let ids = '';
  try {
    ids = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Not on Linux.
  }
  return createHash('sha256').update(`${hostname()} ${ids}`).digest('hex').slice(0, 8);
}
