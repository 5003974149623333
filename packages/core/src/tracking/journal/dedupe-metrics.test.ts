import { freshMetrics } from './dedupe-metrics';

test('a metric is told once a step, and only beyond its last one', () => {
  const points = new Map([['loss', { name: 'loss', value: 2, step: 2, time: 1000 }]]);
  const fresh = freshMetrics(points);
  expect(fresh({ loss: 1, accuracy: 0.5 }, 2, 1001)).toEqual({ accuracy: 0.5 });
  expect(fresh({ loss: 1, accuracy: 0.5 }, 2, 1002)).toBeUndefined();
  expect(fresh({ loss: 0.5, accuracy: 0.75 }, 3, 1003)).toEqual({ loss: 0.5, accuracy: 0.75 });
  expect([...points.values()]).toEqual([
    { name: 'loss', value: 0.5, step: 3, time: 1003 },
    { name: 'accuracy', value: 0.75, step: 3, time: 1003 },
  ]);
});

test('names are made such that MLflow takes them; of two that become the same, the first is told', () => {
  const fresh = freshMetrics(new Map());
  expect(fresh({ 'loss (a)': 1, 'loss [a]': 2, odd: Number.NaN }, 1, 1000)).toEqual({ 'loss _a_': 1, odd: Number.NaN });
});
