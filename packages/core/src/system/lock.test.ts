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
import { lockFolder } from './lock';

const root = mkdtempSync(join(tmpdir(), 'headshare-lock-'));
afterAll(() => rmSync(root, { recursive: true }));

/** A folder locked by the process with this id on this or another machine. */
function lockedBy(name: string, pid: number, host = hostname()): string {
  const folder = join(root, name);
  mkdirSync(folder);
  mkdirSync(`${folder}.lock`);
  writeFileSync(join(folder, 'holder.lock'), `${pid} ${host}`);
  return folder;
}

const gone = spawnSync(process.execPath, ['-e', '']).pid;

/** Whether `lockFolder` waits; ends the wait by removing the lock. */
async function waits(folder: string): Promise<boolean> {
  let waited = false;
  const unlock = await lockFolder(folder, () => {
    waited = true;
    rmSync(`${folder}.lock`, { recursive: true, force: true });
  });
  await unlock();
  return waited;
}

test('the lock of a dead process is taken over at once and leaves no file', async () => {
  const folder = lockedBy('gone', gone);
  expect(await waits(folder)).toBe(false);
  expect(readdirSync(folder)).toEqual([]);
});

test('waits for a live process and for one on another machine', async () => {
  expect(await waits(lockedBy('alive', process.ppid))).toBe(true);
  expect(await waits(lockedBy('elsewhere', gone, 'elsewhere'))).toBe(true);
});

test('takes over the lock of a dead process that had the id of this one, for example after a container restart', async () => {
  expect(await waits(lockedBy('same number', process.pid))).toBe(false);
});

test('a suspended process keeps its lock although it does not refresh it', async () => {
  const folder = join(root, 'suspended');
  mkdirSync(folder);
  const unlock = await lockFolder(folder, () => undefined);
  const longAgo = new Date(Date.now() - 3_600_000);
  utimesSync(`${folder}.lock`, longAgo, longAgo);
  const stopped = new AbortController();
  await expect(lockFolder(folder, () => stopped.abort(), stopped.signal)).rejects.toThrow('aborted');
  await unlock();
});

// Needs /proc, which gives the start times of processes.
(existsSync('/proc/self/stat') ? test : test.skip)('distinguishes a process from a later one with its id', async () => {
  const startTime = /\) (?:\S+ ){19}(\d+)/.exec(readFileSync(`/proc/${process.ppid}/stat`, 'utf8'))?.[1];
  const here = `${hostname()} ${startTime}`;
  const longAgo = new Date(Date.now() - 3_600_000);
  const folder = lockedBy('long ago', process.ppid, here);
  utimesSync(`${folder}.lock`, longAgo, longAgo);
  const stopped = new AbortController();
  await expect(lockFolder(folder, () => stopped.abort(), stopped.signal)).rejects.toThrow('aborted');
  expect(await waits(lockedBy('later', process.ppid, `${here}0`))).toBe(false);
});

test('waits for a lock that this process holds itself', async () => {
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

test('releasing a lock that somebody removed does not fail', async () => {
  const folder = join(root, 'removed');
  mkdirSync(folder);
  // The refresh after ten seconds notices the removal.
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  const unlock = await lockFolder(folder, () => undefined);
  rmSync(`${folder}.lock`, { recursive: true });
  await jest.advanceTimersByTimeAsync(10_000);
  jest.useRealTimers();
  await sleep(50);
  await unlock();
  expect(readdirSync(folder)).toEqual([]);
});

test('takes over the lock soon after its holder is killed', async () => {
  const holder = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
  const folder = lockedBy('killed', holder.pid ?? 0);
  const unlock = await lockFolder(folder, () => holder.kill('SIGKILL'));
  await unlock();
  expect(holder.signalCode).toBe('SIGKILL');
}, 20_000);

test('stops waiting when the signal is aborted', async () => {
  const stopped = new AbortController();
  const waiting = lockFolder(lockedBy('stopped', process.ppid), () => stopped.abort(), stopped.signal);
  await expect(waiting).rejects.toThrow('aborted');
});
