import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { locked } from './lock';

const { signal } = new AbortController();
const waiting = 'Another call is running; waiting for it.';
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
  jest.spyOn(console, 'log').mockImplementation(() => undefined);
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

test('the second call waits until the first has ended, and prints so', async () => {
  const events: string[] = [];
  let second: Promise<void> | undefined;
  const file = join(folder, 'cpu.lock');
  await locked(file, waiting, signal, async () => {
    events.push('first starts');
    second = locked(file, waiting, signal, async () => void events.push('second'));
    while (jest.mocked(console.log).mock.calls.length === 0) await delay(5);
    events.push('first ends');
  });
  await second;
  expect(events).toEqual(['first starts', 'first ends', 'second']);
  expect(console.log).toHaveBeenCalledWith(waiting);
  expect(readdirSync(folder)).toEqual([]);
});

test('failing work releases the lock', async () => {
  const file = join(folder, 'cpu.lock');
  await expect(locked(file, waiting, signal, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await locked(file, waiting, signal, () => Promise.resolve('next'))).toBe('next');
});

test('an interruption ends the wait', async () => {
  const file = join(folder, 'cpu.lock');
  const interruption = new AbortController();
  await locked(file, waiting, signal, async () => {
    const second = locked(file, waiting, interruption.signal, () => Promise.resolve('never'));
    interruption.abort();
    await expect(second).rejects.toThrow();
  });
});
