import { resolve } from 'node:path';
import { workerPool } from './pool';

const job = resolve(__dirname, '../../../test/fixture-job.ts');

test('each task gets its own result, on any thread', async () => {
  const pool = workerPool<{ factor: number }, { value: number }, number>({
    module: job,
    setup: { factor: 3 },
    threads: 2,
  });
  const answers = await Promise.all([1, 2, 3, 4, 5].map((value) => pool.run({ value })));
  await pool.close();
  expect(answers).toEqual([3, 6, 9, 12, 15]);
});

test('a task that throws is rejected with its error, and the thread continues', async () => {
  const pool = workerPool<{ factor: number }, { value: number }, number>({
    module: job,
    setup: { factor: 1 },
    threads: 1,
  });
  await expect(pool.run({ value: -1 })).rejects.toThrow('cannot multiply -1');
  expect(await pool.run({ value: 2 })).toBe(2);
  await pool.close();
});

test('a thread that dies is replaced, and its task runs again', async () => {
  const pool = workerPool<{ factor: number }, { value: number; lives?: SharedArrayBuffer }, number>({
    module: job,
    setup: { factor: 2 },
    threads: 1,
  });
  const lives = new SharedArrayBuffer(4);
  expect(await pool.run({ value: 21, lives })).toBe(42);
  expect(new Int32Array(lives)[0]).toBe(2);
  await pool.close();
});

test('a module that cannot be loaded rejects the tasks', async () => {
  const pool = workerPool({ module: resolve(__dirname, '../absent.ts'), setup: {}, threads: 1 });
  await expect(pool.run({})).rejects.toThrow(/absent\.ts stopped .*Cannot find module/);
  await expect(pool.run({})).rejects.toThrow(/Cannot find module/);
  await pool.close();
});

test('closing rejects unfinished tasks', async () => {
  const pool = workerPool<{ factor: number }, { value: number }, number>({
    module: job,
    setup: { factor: 1 },
    threads: 1,
  });
  const task = expect(pool.run({ value: 1 })).rejects.toThrow('closed');
  await pool.close();
  await task;
});
