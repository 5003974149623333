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
  let second: Promise<void> | undefined;
  const file = join(folder, 'cpu.lock');
  await locked(file, signal, async () => {
    events.push('first starts');
    second = locked(file, signal, async () => void events.push('second'));
    while (jest.mocked(console.log).mock.calls.length === 0) await delay(5);
    events.push('first ends');
  });
  await second;
  expect(events).toEqual(['first starts', 'first ends', 'second']);
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
