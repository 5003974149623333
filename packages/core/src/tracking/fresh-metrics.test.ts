import { freshMetrics } from './fresh-metrics';

test('a metric is told once a step, and only beyond its last one', () => {
  const fresh = freshMetrics(new Map([['loss', 2]]));
  expect(fresh({ loss: 1, accuracy: 0.5 }, 2)).toEqual({ accuracy: 0.5 });
  expect(fresh({ loss: 1, accuracy: 0.5 }, 2)).toBeUndefined();
  expect(fresh({ loss: 0.5, accuracy: 0.75 }, 3)).toEqual({ loss: 0.5, accuracy: 0.75 });
});

test('names are made such that MLflow takes them; of two that become the same, the first is told', () => {
  const fresh = freshMetrics(new Map());
  expect(fresh({ 'loss (a)': 1, 'loss [a]': 2, odd: Number.NaN }, 1)).toEqual({ 'loss _a_': 1, odd: Number.NaN });
});
