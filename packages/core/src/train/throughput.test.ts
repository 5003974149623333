import { throughput } from './throughput';

test('images a second of all steps since it was last taken, waiting included', () => {
  const rate = throughput();
  rate.count(32, 0.5);
  rate.count(32, 1.5);
  expect(rate.steps()).toBe(2);
  expect(rate.take()).toEqual({ images_per_second: 32 });
  rate.count(32, 0.25);
  expect(rate.take()).toEqual({ images_per_second: 128 });
});

test('nothing where nothing was counted', () => {
  expect(throughput().take()).toEqual({});
});
