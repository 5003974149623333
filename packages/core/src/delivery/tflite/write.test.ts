import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tfliteMetadata } from 'headshare-student/tflite-metadata';
import { noisePictures, settledNetwork } from '../../../test/settled-network';
import { differences, worst } from '../compare';
import type { Graph } from '../graph';
import { type GraphOptions, networkGraph, networkResults } from '../network-graph';
import type { WeightType } from '../weights';
import { TfliteBuilder } from './builder';
import { encodeModel } from './encode';
import { startLiteRt } from './engine';
import { writeLayer } from './layers';
import { operatorCodes } from './schema';
import { writeTflite } from './write';

const folder = mkdtempSync(join(tmpdir(), 'headshare-tflite-'));
const litert = startLiteRt();
afterAll(async () => {
  await litert.close();
  rmSync(folder, { recursive: true });
});

const options: GraphOptions = { input: 'bytes', outputs: ['embedding', 'logits'], mirror: false, teacherSpace: false };
const description = { head: 'linear', inputSize: 32, width: 0.25, classes: 9 } as const;

const bytesOf = (graph: Graph, weights: WeightType = 'float32', metadata = {}): Buffer =>
  Buffer.concat(writeTflite(graph, { weights, metadata }));

let files = 0;
async function run(bytes: Buffer, input: { shape: readonly number[]; values: Uint8Array | Float32Array }) {
  const file = join(folder, `model${files++}.tflite`);
  writeFileSync(file, bytes);
  return litert.load(file).run(input);
}

// Plain, depthwise and grouped convolutions, PReLU, squeeze and excitation, channel shuffles.
test.each(['resnet18', 'mobilefacenet', 'efficientnet_b0', 'shufflenet-v1', 'shufflenet-v2'])(
  'float16 of %s takes fewer bytes, and gives nearly the same numbers',
  async (backbone) => {
    const network = settledNetwork({ ...description, backbone });
    const graph = networkGraph(network, options);
    const [full, half] = [bytesOf(graph), bytesOf(graph, 'float16')];
    expect(half.length).toBeLessThan(0.75 * full.length);
    const pictures = noisePictures(3, description);
    const expected = networkResults(network, options, pictures);
    const found = await run(half, { shape: [3, 32, 32, 3], values: pictures });
    const { relative } = worst(differences(expected, found));
    expect(relative).toBeLessThan(3e-3);
    expect(relative).toBeGreaterThan(0);
  },
);

test('the same network has the same bytes each time', () => {
  const graph = () => networkGraph(settledNetwork({ ...description, backbone: 'mobilefacenet' }), options);
  expect(bytesOf(graph()).equals(bytesOf(graph()))).toBe(true);
});

test('activations are computed by the operator before them', () => {
  const graph = networkGraph(settledNetwork({ ...description, backbone: 'resnet18' }), options);
  const model = new TfliteBuilder(graph, 'float32');
  for (const layer of graph.layers) writeLayer(layer, model);
  expect(graph.layers.some((layer) => layer.kind === 'elementwise' && layer.op === 'relu')).toBe(true);
  expect(model.operators.map(({ code }) => code)).not.toContain(operatorCodes.relu);
});

test('metadata are read again, whatever is in their texts', () => {
  const graph = networkGraph(settledNetwork({ ...description, backbone: 'resnet8' }), options);
  const metadata = { headshare: '{"name":"Löwe ✓"}', empty: '', long: 'x'.repeat(100_000) };
  const bytes = bytesOf(graph, 'float32', metadata);
  expect(Object.fromEntries(tfliteMetadata(bytes))).toEqual(metadata);
  expect(tfliteMetadata(bytesOf(graph)).size).toBe(0);
  for (const length of [0, 3, 8, 100, bytes.length - 100_001]) {
    expect(() => tfliteMetadata(bytes.subarray(0, length))).toThrow('This is no .tflite file, or it is cut short');
  }
});

test('a model of more than 2 GB is refused', () => {
  const large = { name: 'large', shape: [2 ** 29], type: 'float32', data: { length: 2 ** 31 } as Uint8Array } as const;
  const input = { name: 'image', tensor: 0 };
  expect(() => encodeModel({ tensors: [large], operators: [], input, outputs: [], metadata: {} })).toThrow(
    'The model takes 2.1 GB, and a .tflite file holds 2 GB at most: --weights=float16 halves it',
  );
});

test('a file that LiteRT cannot read is an error, and the engine goes on', async () => {
  const picture = { shape: [1, 32, 32, 3], values: noisePictures(1, description) };
  const graph = networkGraph(settledNetwork({ ...description, backbone: 'resnet8' }), options);
  const bytes = bytesOf(graph);
  await expect(run(Buffer.from('nothing'), picture)).rejects.toThrow(/^LiteRT\.js: /);
  expect(Object.keys(await run(bytes, picture))).toEqual(['embedding', 'logits']);
});
