import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { locked } from './lock';

const { signal } = new AbortController();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
  jest.spyOn(console, 'log').mockImplementation(() => undefined);
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

test('the second waits until the first has ended, and says so', async () => {
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} starts`);
    await delay(50);
    events.push(`${name} ends`);
  };
  const file = join(folder, 'cpu.lock');
  const first = locked(file, signal, work('first'));
  await delay(10);
  await Promise.all([first, locked(file, signal, work('second'))]);
  expect(events).toEqual(['first starts', 'first ends', 'second starts', 'second ends']);
  expect(console.log).toHaveBeenCalledWith('Another call is setting TensorFlow up; waiting for it.');
  expect(readdirSync(folder)).toEqual([]);
});

test('work that fails lets go of the lock', async () => {
  const file = join(folder, 'cpu.lock');
  await expect(locked(file, signal, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await locked(file, signal, () => Promise.resolve('next'))).toBe('next');
});

test('who is interrupted while waiting does not wait on', async () => {
  const file = join(folder, 'cpu.lock');
  const interruption = new AbortController();
  await locked(file, signal, async () => {
    const waiting = locked(file, interruption.signal, () => Promise.resolve('never'));
    interruption.abort();
    await expect(waiting).rejects.toThrow();
  });
});
