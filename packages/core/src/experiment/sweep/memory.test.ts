import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { memoryGuard, type Resident, residentOf } from './memory';

const gigabyte = 1e9;

test('one more process starts when it fits beside the others at their expected peak', () => {
  const sizes = new Map<number, Resident>([[1, { now: 1 * gigabyte, peak: 2 * gigabyte }]]);
  let free = 3.3 * gigabyte;
  const guard = memoryGuard(
    () => free,
    (pid) => sizes.get(pid),
  );
  const forget = guard.watch(1);
  // The first may grow by 1: 3.3 - 1 is more than 2 and a tenth.
  expect(guard.hasRoom()).toBe(true);
  free = 3.1 * gigabyte;
  expect(guard.hasRoom()).toBe(false);
  // It has ended; its peak is still the expected one.
  forget();
  free = 2.1 * gigabyte;
  expect(guard.hasRoom()).toBe(false);
  free = 2.3 * gigabyte;
  expect(guard.hasRoom()).toBe(true);
  expect(guard.peak()).toBe(2 * gigabyte);
});

test('before any measurement a process is expected to need 0.6 GB', () => {
  let free = 0.7 * gigabyte;
  const guard = memoryGuard(() => free);
  expect(guard.hasRoom()).toBe(true);
  free = 0.6 * gigabyte;
  expect(guard.hasRoom()).toBe(false);
});

test('the memory of a process, on systems that report it', () => {
  const { now, peak } = residentOf(process.pid) ?? { now: 1, peak: 1 };
  expect(now).toBeGreaterThan(0);
  expect(peak).toBeGreaterThanOrEqual(now);
  expect(residentOf(0x7fffffff)).toBeUndefined();
});

test("the memory of a training's workers counts as the training's", async () => {
  const sleeper = 'console.log("here"); setTimeout(() => undefined, 60_000)';
  const script = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(sleeper)}], { stdio: 'inherit' }); setTimeout(() => undefined, 60_000)`;
  const parent = spawn(process.execPath, ['-e', script], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(parent.stdout, 'data');
  const both = residentOf(parent.pid as number);
  const own = residentOf(process.pid);
  process.kill(-(parent.pid as number), 'SIGKILL');
  // On systems without /proc nothing is measured.
  if (!own || !existsSync(`/proc/self/task/${process.pid}/children`)) return;
  // A Node process alone takes about 45 MB.
  expect(both?.now).toBeGreaterThan(65e6);
}, 30_000);
