import { throughput } from './throughput';

test('images per second over all steps since the last take, including the wait for data', () => {
  const rate = throughput();
  rate.count(32, 0.5);
  rate.count(32, 1.5);
  expect(rate.steps()).toBe(2);
  expect(rate.take()).toEqual({ images_per_second: 32 });
  rate.count(32, 0.25);
  expect(rate.take()).toEqual({ images_per_second: 128 });
});

test('no rate if nothing was counted', () => {
  expect(throughput().take()).toEqual({});
});
