import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel } from './parallel';

test('results are in order, and the concurrency is limited', async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel([3, 1, 2, 0], 2, new AbortController(), async (item) => {
    most = Math.max(most, ++running);
    await sleep(item);
    running--;
    return item * 10;
  });
  expect(results).toEqual([30, 10, 20, 0]);
  expect(most).toBe(2);
});

test('the first failure stops the others and is thrown when all have ended', async () => {
  const stop = new AbortController();
  const begun: number[] = [];
  const ended: number[] = [];
  const work = async (item: number) => {
    begun.push(item);
    if (item === 1) throw new Error('first');
    await sleep(10_000, undefined, { signal: stop.signal }).finally(() => ended.push(item));
  };
  await expect(inParallel([0, 1, 2, 3], 2, stop, work)).rejects.toThrow('first');
  expect({ begun, ended }).toEqual({ begun: [0, 1], ended: [0] });
});

test('an error of the source is thrown', async () => {
  const source = async function* () {
    yield 1;
    throw new Error('source');
  };
  await expect(inParallel(source(), 2, new AbortController(), async () => {})).rejects.toThrow('source');
});
