import { appears } from './appears';

const { signal } = new AbortController();

test('what is there is found at once, and what comes later then', async () => {
  expect(await appears(() => 3, signal, 0)).toBe(3);
  let looks = 0;
  expect(await appears(async () => (++looks < 3 ? undefined : 'late'), signal)).toBe('late');
});

test('what never comes is undefined; an abort ends the wait', async () => {
  expect(await appears(() => undefined, signal, 0)).toBeUndefined();
  await expect(appears(() => undefined, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
});
