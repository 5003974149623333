/** Models that store activations in 8 bits: ranges from pictures, and what onnxruntime-web computes with them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noisePictures, settledNetwork } from '../../test/settled-network';
import { testCard } from '../../test/test-card';
import { writtenModel } from '../../test/written-model';
import type { NetworkDescription } from '../nn/network';
import { differences, worst } from './compare';
import type { ModelInput } from './format';
import type { Graph } from './graph';
import { measureRanges, valuesInBytes } from './measure-ranges';
import { type GraphOptions, networkGraph, networkResults } from './network-graph';
import { byteScale } from './ranges';
import { formats } from './registry';
import { nearestEven, toInt8 } from './weights';

const folder = mkdtempSync(join(tmpdir(), 'headshare-activations-'));
afterAll(() => rmSync(folder, { recursive: true }));

const onnx = formats.named('onnx');

test.each([
  [
    { low: -1, high: 1.55 },
    { step: 0.01, zero: 100 },
  ],
  [
    { low: 0, high: 510 },
    { step: 2, zero: 0 },
  ],
  [
    { low: 0.5, high: 25.5 },
    { step: 0.1, zero: 0 },
  ],
  [
    { low: -51, high: -1 },
    { step: 0.2, zero: 255 },
  ],
  [
    { low: 0, high: 0 },
    { step: 1, zero: 0 },
  ],
])('the bytes of numbers of the range %p', (range, { step, zero }) => {
  expect(byteScale(range)).toEqual({ step: Math.fround(step), zero });
});

/** Two matrix products, with a relu between them. */
const product = { kind: 'linear', shape: [{ perImage: 1 }, 2] } as const;
const weights = [
  { shape: [2, 2], values: Float32Array.of(1.27, 0.3, -0.62, 0.8) },
  { shape: [2, 2], values: Float32Array.of(0.25, -1.1, 2.54, 0.7) },
] as const;
const graph: Graph = {
  input: { name: 'image', dtype: 'float32', shape: [{ perImage: 1 }, 2] },
  layers: [
    { ...product, output: 'first', x: 'image', weight: weights[0] },
    { kind: 'elementwise', op: 'relu', output: 'positive', shape: product.shape, x: 'first' },
    { ...product, output: 'second', x: 'positive', weight: weights[1] },
  ],
  outputs: new Map([['made', 'second']]),
};

async function* batchesOf(...batches: readonly (readonly number[])[]): AsyncGenerator<ModelInput> {
  for (const values of batches) yield { shape: [values.length / 2, 2], values: Float32Array.from(values) };
}

test('ranges are the least and the largest number of all batches, and hold zero', async () => {
  const ranges = await measureRanges(graph, batchesOf([1, 2, 0.5, 4], [3, 0.25]), 3);
  expect([...ranges.keys()]).toEqual(valuesInBytes(graph));
  expect(ranges.get('image')).toEqual({ low: 0, high: 4 });
  // Column by column: 1.27 a - 0.62 b, and 0.3 a + 0.8 b.
  const { low, high } = ranges.get('positive') as { low: number; high: number };
  expect([low, high]).toEqual([0, expect.closeTo(3.655, 5)]);
});

test('numbers that are not finite are refused', async () => {
  await expect(measureRanges(graph, batchesOf([Number.NaN, 1]), 1)).rejects.toThrow(
    'are not finite for these pictures',
  );
});

test('onnxruntime-web computes with the bytes of values and weights', async () => {
  const ranges = new Map([
    ['image', { low: -1, high: 4 }],
    ['positive', { low: 0, high: 3.7 }],
  ]);
  const model = await writtenModel(onnx, graph, join(folder, 'small'), { card: testCard, weights: 'int8', ranges });
  const values = Float32Array.of(1, 2, -0.7, 3.3, 3.9, 9);
  const { made } = await model.run({ shape: [3, 2], values });
  await model.close();
  const inBytes = (row: readonly number[], name: string) => {
    const { step, zero } = byteScale(ranges.get(name) as { low: number; high: number });
    return row.map((x) => (Math.max(0, Math.min(255, nearestEven(x / step) + zero)) - zero) * step);
  };
  const times = (row: readonly number[], layer: 0 | 1) => {
    const { quantities, scales } = toInt8(weights[layer], 1);
    const weight = (i: number, o: number) => (quantities[2 * i + o] as number) * (scales[o] as number);
    return [0, 1].map((o) => row.reduce((sum, x, i) => sum + x * weight(i, o), 0));
  };
  const rows = [0, 2, 4].map((i) => [...values.subarray(i, i + 2)]);
  const expected = rows.flatMap((row) => {
    const first = times(inBytes(row, 'image'), 0).map((x) => Math.max(0, x));
    return times(inBytes(first, 'positive'), 1);
  });
  const { relative } = worst(differences({ made: Float32Array.from(expected) }, { made: made as Float32Array }));
  expect(relative).toBeLessThan(1e-6);
});

test.each<[string, Partial<NetworkDescription>]>([
  ['resnet8', {}],
  ['mobilefacenet', { head: 'cosface' }],
  ['shufflenet-v2', {}],
])('a %s stays near its own numbers', async (backbone, more) => {
  const description: NetworkDescription = { backbone, head: 'linear', inputSize: 32, width: 0.5, classes: 9, ...more };
  const network = settledNetwork(description);
  const options: GraphOptions = {
    input: 'bytes',
    outputs: ['embedding', 'logits'],
    mirror: false,
    teacherSpace: false,
  };
  const whole = networkGraph(network, options);
  const pictures = noisePictures(16, description);
  const input: ModelInput = { shape: [16, 32, 32, 3], values: pictures };
  const ranges = await measureRanges(
    whole,
    (async function* () {
      yield input;
    })(),
    16,
  );
  const model = await writtenModel(onnx, whole, join(folder, backbone), { card: testCard, weights: 'int8', ranges });
  const found = worst(differences(networkResults(network, options, pictures), await model.run(input)));
  await model.close();
  expect(found.relative).toBeGreaterThan(1e-3);
  expect(found.relative).toBeLessThan(0.2);
});
