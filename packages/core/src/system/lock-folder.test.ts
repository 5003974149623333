import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockFolder } from './lock-folder';

const root = mkdtempSync(join(tmpdir(), 'headshare-lock-'));
afterAll(() => rmSync(root, { recursive: true }));

/** A folder that a process locked, which has this number on this machine or another. */
function lockedBy(name: string, pid: number, host = hostname()): string {
  const folder = join(root, name);
  mkdirSync(folder);
  mkdirSync(`${folder}.lock`);
  writeFileSync(join(folder, 'holder.lock'), `${pid} ${host}`);
  return folder;
}

const gone = spawnSync(process.execPath, ['-e', '']).pid;

/** Whether somebody who wants the lock has to wait. It is let go afterwards, so that nobody waits for ever. */
async function waits(folder: string): Promise<boolean> {
  let waited = false;
  const unlock = await lockFolder(folder, () => {
    waited = true;
    rmSync(`${folder}.lock`, { recursive: true, force: true });
  });
  await unlock();
  return waited;
}

test('the lock of a process that is gone is taken over at once, and nothing is left of it', async () => {
  const folder = lockedBy('gone', gone);
  expect(await waits(folder)).toBe(false);
  expect(readdirSync(folder)).toEqual([]);
});

test('the lock of one that lives, or is on another machine, is waited for', async () => {
  expect(await waits(lockedBy('alive', process.ppid))).toBe(true);
  expect(await waits(lockedBy('elsewhere', gone, 'elsewhere'))).toBe(true);
});

test('the lock of a dead process that had the number of this one, as in a container, is taken over', async () => {
  expect(await waits(lockedBy('same number', process.pid))).toBe(false);
});

test('the lock of one that was suspended, and so did not refresh it, is still its own', async () => {
  const folder = join(root, 'suspended');
  mkdirSync(folder);
  const unlock = await lockFolder(folder, () => undefined);
  const longAgo = new Date(Date.now() - 3_600_000);
  utimesSync(`${folder}.lock`, longAgo, longAgo);
  const stopped = new AbortController();
  await expect(lockFolder(folder, () => stopped.abort(), stopped.signal)).rejects.toThrow('aborted');
  await unlock();
});

// Where the system says when a process began.
(existsSync('/proc/self/stat') ? test : test.skip)('a process is told from a later one of its number', async () => {
  const began = /\) (?:\S+ ){19}(\d+)/.exec(readFileSync(`/proc/${process.ppid}/stat`, 'utf8'))?.[1];
  const here = `${hostname()} ${began}`;
  const longAgo = new Date(Date.now() - 3_600_000);
  const folder = lockedBy('long ago', process.ppid, here);
  utimesSync(`${folder}.lock`, longAgo, longAgo);
  const stopped = new AbortController();
  await expect(lockFolder(folder, () => stopped.abort(), stopped.signal)).rejects.toThrow('aborted');
  expect(await waits(lockedBy('later', process.ppid, `${here}0`))).toBe(false);
});

test('what this process holds itself is waited for', async () => {
  const folder = join(root, 'own');
  mkdirSync(folder);
  const unlock = await lockFolder(folder, () => undefined);
  const order: string[] = [];
  const second = lockFolder(folder, () => order.push('waits')).then((release) => {
    order.push('has it');
    return release();
  });
  while (order.length === 0) await new Promise(setImmediate);
  await unlock();
  await second;
  expect(order).toEqual(['waits', 'has it']);
});

test('a lock that somebody removed is let go without complaint: what it was for is done', async () => {
  const folder = join(root, 'removed');
  mkdirSync(folder);
  // Its refreshing, every ten seconds, notices.
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  const unlock = await lockFolder(folder, () => undefined);
  rmSync(`${folder}.lock`, { recursive: true });
  await jest.advanceTimersByTimeAsync(10_000);
  jest.useRealTimers();
  await sleep(50);
  await unlock();
  expect(readdirSync(folder)).toEqual([]);
});

test('a holder that is killed while another process waits is noticed at once', async () => {
  const holder = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
  const folder = lockedBy('killed', holder.pid ?? 0);
  const unlock = await lockFolder(folder, () => holder.kill('SIGKILL'));
  await unlock();
  expect(holder.signalCode).toBe('SIGKILL');
}, 20_000);

test('whoever is told to stop waits no longer', async () => {
  const stopped = new AbortController();
  const waiting = lockFolder(lockedBy('stopped', process.ppid), () => stopped.abort(), stopped.signal);
  await expect(waiting).rejects.toThrow('aborted');
});
