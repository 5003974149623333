import fc from 'fast-check';
import { newRun } from '../test/fresh';
import { connectToRealServer } from '../test/real-server';
import { chunks, logBatch, mostBytes } from './batch';
import { fromKeyValues, keyValues } from './key-value';
import { limits } from './limits';
import { getMetricHistory, writeMetric } from './metrics';
import { getRun } from './runs';

const mlflow = connectToRealServer();
const entry = fc.record({ key: fc.string({ maxLength: 250 }), value: fc.string({ maxLength: 6000, unit: 'binary' }) });
const metric = fc.record({
  key: fc.string({ maxLength: 250 }),
  value: fc.double(),
  timestamp: fc.nat(),
  step: fc.nat(),
});

test('chunks of any batch are within all limits and preserve its order', () => {
  fc.assert(
    fc.property(
      fc.array(metric, { maxLength: 3000, size: 'max' }),
      fc.array(entry, { maxLength: 300, size: 'max' }),
      fc.array(entry, { maxLength: 300, size: 'max' }),
      (metrics, params, tags) => {
        const parts = [...chunks({ metrics, params, tags })];
        for (const part of parts) {
          expect(part.metrics.length).toBeLessThanOrEqual(limits.metrics);
          expect(part.params.length).toBeLessThanOrEqual(limits.params);
          expect(part.tags.length).toBeLessThanOrEqual(limits.tags);
          const all = part.metrics.length + part.params.length + part.tags.length;
          expect(all).toBeLessThanOrEqual(limits.entities);
          expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThanOrEqual(limits.bytes - 300);
        }
        const joined = (kind: 'metrics' | 'params' | 'tags') => parts.flatMap((part): unknown[] => part[kind]);
        expect(joined('metrics')).toEqual(metrics);
        expect(joined('params')).toEqual(params);
        expect(joined('tags')).toEqual(tags);
      },
    ),
    { numRuns: 20 },
  );
});

test('mostBytes is an upper bound for every point', () => {
  const text = fc.string({ unit: 'binary', maxLength: 250 });
  const point = fc.record(
    {
      key: fc.string({ unit: 'binary', minLength: 1, maxLength: 250 }),
      value: fc.double(),
      timestamp: fc.maxSafeNat(),
      step: fc.maxSafeInteger(),
      model_id: text,
      dataset_name: text,
      dataset_digest: text,
    },
    { requiredKeys: ['key', 'value', 'timestamp', 'step'] },
  );
  fc.assert(
    fc.property(point, (one) => {
      const sent = writeMetric(one);
      expect(mostBytes(sent)).toBeGreaterThan(Buffer.byteLength(JSON.stringify(sent)));
    }),
  );
});

test('an empty batch sends no request', () => {
  expect([...chunks({ metrics: [], params: [], tags: [] })]).toEqual([]);
});

test('a batch beyond all limits of MLflow arrives completely', async () => {
  const { run_id } = (await newRun(mlflow)).info;
  const params = Object.fromEntries(Array.from({ length: 230 }, (_, i) => [`p${i}`, 'x'.repeat(6000)]));
  const tags = Object.fromEntries(Array.from({ length: 110 }, (_, i) => [`t${i}`, 'é'.repeat(8000)]));
  const metrics = Array.from({ length: 2345 }, (_, step) => ({
    key: 'loss',
    value: 1 / (step + 1),
    timestamp: 5,
    step,
  }));
  await logBatch(mlflow, run_id, { params: keyValues(params), tags: keyValues(tags), metrics });

  const run = await getRun(mlflow, run_id);
  expect(fromKeyValues(run.data.params)).toEqual(params);
  expect(fromKeyValues(run.data.tags)).toMatchObject(tags);
  expect(await getMetricHistory(mlflow, run_id, 'loss')).toEqual(metrics);
});

test('a batch that is sent twice is stored once', async () => {
  const { run_id } = (await newRun(mlflow)).info;
  const batch = {
    params: keyValues({ epochs: '3' }),
    metrics: [0, 1].map((step) => ({ key: 'loss', value: 0.5, timestamp: 7 + step, step })),
  };
  await logBatch(mlflow, run_id, batch);
  await logBatch(mlflow, run_id, batch);
  expect(await getMetricHistory(mlflow, run_id, 'loss')).toEqual(batch.metrics);
});

test('a step may have several points with other values or times', async () => {
  const { run_id } = (await newRun(mlflow)).info;
  const metrics = [
    { key: 'loss', value: 1, timestamp: 1, step: 4 },
    { key: 'loss', value: 2, timestamp: 1, step: 4 },
    { key: 'loss', value: 2, timestamp: 2, step: 4 },
  ];
  await logBatch(mlflow, run_id, { metrics });
  expect(await getMetricHistory(mlflow, run_id, 'loss')).toEqual(metrics);
});

test('accepts NaN and infinities; the SQL store keeps an infinity as the largest double', async () => {
  const { run_id } = (await newRun(mlflow)).info;
  const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  await logBatch(mlflow, run_id, {
    metrics: values.map((value, step) => ({ key: 'odd', value, timestamp: 1, step })),
  });
  const history = await getMetricHistory(mlflow, run_id, 'odd');
  expect(history.map(({ value }) => value)).toEqual([Number.NaN, Number.MAX_VALUE, -Number.MAX_VALUE]);
});

test('a batch that changes a param is refused by MLflow', async () => {
  const { run_id } = (await newRun(mlflow)).info;
  await logBatch(mlflow, run_id, { params: keyValues({ epochs: '3' }) });
  await expect(logBatch(mlflow, run_id, { params: keyValues({ epochs: '4' }) })).rejects.toMatchObject({
    code: 'INVALID_PARAMETER_VALUE',
    kind: 'refused',
    transient: false,
  });
});

test('refuses long names and values before sending anything; counts characters as Python does', async () => {
  const { run_id } = (await newRun(mlflow)).info;
  // Each is one character of two UTF-16 units.
  await logBatch(mlflow, run_id, { params: keyValues({ faces: '🙂'.repeat(6000) }) });
  const tooLong = { good: 'x', bad: '🙂'.repeat(6001) };
  await expect(logBatch(mlflow, run_id, { params: keyValues(tooLong) })).rejects.toMatchObject({
    message: 'param "bad" has 6001 characters; MLflow allows 6000',
    code: 'INVALID_PARAMETER_VALUE',
    kind: 'not-sent',
    transient: false,
  });
  expect((await getRun(mlflow, run_id)).data.params.map(({ key }) => key)).toEqual(['faces']);
});
