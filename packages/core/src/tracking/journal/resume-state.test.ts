import { dedupeMetrics } from './resume-state';

test('a metric is logged once per step, and only after its last step', () => {
  const points = new Map([['loss', { name: 'loss', value: 2, step: 2, time: 1000 }]]);
  const dedupe = dedupeMetrics(points);
  expect(dedupe({ loss: 1, accuracy: 0.5 }, 2, 1001)).toEqual({ accuracy: 0.5 });
  expect(dedupe({ loss: 1, accuracy: 0.5 }, 2, 1002)).toBeUndefined();
  expect(dedupe({ loss: 0.5, accuracy: 0.75 }, 3, 1003)).toEqual({ loss: 0.5, accuracy: 0.75 });
  expect([...points.values()]).toEqual([
    { name: 'loss', value: 0.5, step: 3, time: 1003 },
    { name: 'accuracy', value: 0.75, step: 3, time: 1003 },
  ]);
});

test('names become valid for MLflow; if two become equal, the first one is logged', () => {
  const dedupe = dedupeMetrics(new Map());
  expect(dedupe({ 'loss (a)': 1, 'loss [a]': 2, odd: Number.NaN }, 1, 1000)).toEqual({
    'loss _a_': 1,
    odd: Number.NaN,
  });
});
