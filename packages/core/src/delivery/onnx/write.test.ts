import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noisePictures, settledNetwork } from '../../../test/settled-network';
import type { NetworkDescription } from '../../nn/network';
import { differences, worst } from '../compare';
import { type GraphOptions, networkGraph, networkResults } from '../network-graph';
import { startOnnx } from './engine';
import { writeOnnx } from './write';

const folder = mkdtempSync(join(tmpdir(), 'headshare-onnx-'));
const onnx = startOnnx();
afterAll(async () => {
  await onnx.close();
  rmSync(folder, { recursive: true });
});

const description: NetworkDescription = { backbone: 'resnet8', head: 'cosface', inputSize: 32, width: 0.5, classes: 9 };
const options: GraphOptions = { input: 'bytes', outputs: ['embedding', 'logits'], mirror: false, teacherSpace: false };

test('a model that is too large for protobuf keeps its tensors in a second file', async () => {
  const network = settledNetwork(description);
  const graph = networkGraph(network, options);
  const write = (largest?: number) =>
    writeOnnx(graph, {
      weights: 'float32',
      metadata: {},
      tensorsFile: 'large.onnx.data',
      ...(largest !== undefined && { largest }),
    });
  expect(write().tensors).toEqual([]);
  const { model, tensors } = write(20_000);
  const bytes = (parts: readonly Uint8Array[]) => parts.reduce((sum, part) => sum + part.length, 0);
  expect(bytes(model)).toBeLessThan(20_000);
  const file = join(folder, 'large.onnx');
  writeFileSync(file, Buffer.concat(model));
  writeFileSync(`${file}.data`, Buffer.concat(tensors));
  const pictures = noisePictures(2, description);
  const actual = await onnx.load(file).run({ shape: [2, 32, 32, 3], values: pictures });
  expect(worst(differences(networkResults(network, options, pictures), actual)).relative).toBeLessThan(1e-5);
});

test("the first nodes of a model of pixels are those by which insightface's loader knows a normalisation", () => {
  const graph = networkGraph(settledNetwork(description), { ...options, input: 'pixels-nchw', outputs: ['embedding'] });
  const { model } = writeOnnx(graph, { weights: 'float32', metadata: {}, tensorsFile: '' });
  const text = Buffer.concat(model).toString('latin1');
  const first = ['Sub_0', 'Mul_1', 'Conv_2'].map((name) => text.indexOf(name));
  expect(first).toEqual([...first].sort((a, b) => a - b));
  expect(first).not.toContain(-1);
});
