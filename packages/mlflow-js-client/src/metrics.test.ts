import { newRun } from '../test/fresh';
import { connectToRealServer } from '../test/real-server';
import { logBatch } from './batch';
import { eachMetricPoint, getMetricHistory, getMetricInterval, logMetric } from './metrics';
import { getRun } from './runs';

const mlflow = connectToRealServer();

test('a point that is logged twice is stored once', async () => {
  const { run_id } = (await newRun(mlflow)).info;
  const points = [
    { key: 'loss', value: 0.5, timestamp: 10, step: 0 },
    { key: 'loss', value: 0.25, timestamp: 20, step: 1 },
  ];
  for (const point of [...points, ...points]) await logMetric(mlflow, run_id, point);
  expect(await getMetricHistory(mlflow, run_id, 'loss')).toEqual(points);
  expect((await getRun(mlflow, run_id)).data.metrics).toEqual([expect.objectContaining(points[1])]);
  expect(await getMetricHistory(mlflow, run_id, 'none')).toEqual([]);
});

test('a history is read over several pages', async () => {
  const { run_id } = (await newRun(mlflow)).info;
  const metrics = Array.from({ length: 7 }, (_, step) => ({ key: 'loss', value: step, timestamp: step, step }));
  await logBatch(mlflow, run_id, { metrics });
  const points: unknown[] = [];
  for await (const point of eachMetricPoint(mlflow, run_id, 'loss', { pageLength: 3 })) points.push(point);
  expect(points).toEqual(metrics);
});

test('a sampled history of several runs', async () => {
  const runs = [(await newRun(mlflow)).info.run_id, (await newRun(mlflow)).info.run_id];
  for (const run of runs) {
    const metrics = Array.from({ length: 100 }, (_, step) => ({ key: 'loss', value: step, timestamp: 1, step }));
    await logBatch(mlflow, run, { metrics });
  }
  const whole = await getMetricInterval(mlflow, { runIds: runs, key: 'loss', steps: { from: 10, to: 12 } });
  expect(whole.filter(({ run_id }) => run_id === runs[1]).map(({ value }) => value)).toEqual([10, 11, 12]);
  const thinned = await getMetricInterval(mlflow, { runIds: runs.slice(0, 1), key: 'loss', pointsPerRun: 10 });
  expect(thinned.length).toBeLessThan(20);
  expect(thinned.at(-1)).toMatchObject({ step: 99, run_id: runs[0] });
});

test('an invalid point is refused before it is sent', async () => {
  const point = { key: 'loss', value: 1, timestamp: 1, step: 1 };
  const refusal = (change: object) => logMetric(mlflow, 'none', { ...point, ...change });
  await expect(refusal({ value: '1' })).rejects.toThrow('metric "loss" is 1, not a number');
  await expect(refusal({ step: 0.5 })).rejects.toThrow('metric "loss" has step 0.5, not an integer');
  await expect(refusal({ timestamp: -1 })).rejects.toThrow('has timestamp -1, not whole milliseconds since 1970');
  await expect(refusal({ key: '' })).rejects.toThrow('a metric has no name');
  await expect(refusal({ key: 'k'.repeat(251) })).rejects.toThrow('has 251 characters; MLflow allows 250');
});
