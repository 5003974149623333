/** Models that store int8 weights, in every format's engine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noisePictures, settledNetwork } from '../../test/settled-network';
import { testCard } from '../../test/test-card';
import { writtenModel } from '../../test/written-model';
import type { NetworkDescription } from '../nn/network';
import { differences, worst } from './compare';
import type { Graph, Layer } from './graph';
import { type GraphOptions, networkGraph, networkResults } from './network-graph';
import { formats } from './registry';
import { toInt8 } from './weights';

const folder = mkdtempSync(join(tmpdir(), 'headshare-int8-'));
afterAll(() => rmSync(folder, { recursive: true }));

const int8Formats = formats.all.filter(({ weights }) => weights.includes('int8'));

/** A value of one picture more, [batch, 2, 2, 4]. */
const map = [{ perImage: 1 }, 2, 2, 4] as const;
const input = { name: 'image', dtype: 'float32', shape: map } as const;
const around = { x: 'image', stride: [1, 1], pads: [0, 0, 0, 0], shape: map } as const;

/** Weights that int8 changes: thirds of a range. */
const numbers = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(3 * i + 1));
const filter = (each: number) => ({ shape: [1, 1, each, 4], values: numbers(each * 4) });
const layers: Readonly<Record<string, Layer>> = {
  convolution: { kind: 'convolution', output: 'y', ...around, filter: filter(4), groups: 1 },
  grouped: { kind: 'convolution', output: 'y', ...around, filter: filter(2), groups: 2 },
  depthwise: { kind: 'convolution', output: 'y', ...around, filter: filter(1), groups: 4 },
};

/** The layer's outputs for maps whose pixels have the values 0, 1 ..., from the int8 weights. */
function expected({ filter: weights, groups }: Extract<Layer, { kind: 'convolution' }>): Float32Array {
  const each = weights.shape[2] as number;
  const { quantities, scales } = toInt8({ shape: [each, 4], values: weights.values }, 1);
  return Float32Array.from({ length: 16 }, (_, place) => {
    const [pixel, output] = [Math.floor(place / 4), place % 4];
    const first = Math.floor(output / (4 / groups)) * each;
    let sum = 0;
    for (let i = 0; i < each; i++) {
      sum += (quantities[i * 4 + output] as number) * (scales[output] as number) * (4 * pixel + first + i);
    }
    return sum;
  });
}

describe.each(int8Formats.map((format) => [format.name, format] as const))('%s', (_, format) => {
  test.each(Object.entries(layers))('a %s computes with the int8 weights', async (name, layer) => {
    const graph: Graph = { input, layers: [layer], outputs: new Map([['made', 'y']]) };
    const model = await writtenModel(format, graph, join(folder, name), { card: testCard, weights: 'int8' });
    const values = Float32Array.from({ length: 16 }, (_, i) => i);
    const { made } = await model.run({ shape: [1, 2, 2, 4], values });
    await model.close();
    const wanted = expected(layer as Extract<Layer, { kind: 'convolution' }>);
    // LiteRT makes a layer's input int8 too, by the range of the picture at hand.
    const most = format.name === 'tflite' ? 1e-2 : 1e-6;
    expect(worst(differences({ made: wanted }, { made: made as Float32Array })).relative).toBeLessThan(most);
  });

  test('a network is near its own numbers, in about a quarter of the bytes', async () => {
    const description: NetworkDescription = {
      backbone: 'mobilefacenet',
      head: 'linear',
      inputSize: 32,
      width: 1,
      classes: 50,
    };
    const network = settledNetwork(description);
    const options: GraphOptions = {
      input: 'bytes',
      outputs: ['embedding', 'logits'],
      mirror: false,
      teacherSpace: false,
    };
    const graph = networkGraph(network, options);
    const bytes = (weights: 'float32' | 'int8') =>
      format
        .write(graph, testCard, { weights, name: 'x' })
        .flatMap(({ parts }) => parts)
        .reduce((sum, part) => sum + part.length, 0);
    expect(bytes('int8')).toBeLessThan(0.4 * bytes('float32'));
    const model = await writtenModel(format, graph, join(folder, 'network'), { card: testCard, weights: 'int8' });
    const pictures = noisePictures(3, description);
    const actual = await model.run({ shape: [3, 32, 32, 3], values: pictures });
    await model.close();
    const { relative } = worst(differences(networkResults(network, options, pictures), actual));
    expect(relative).toBeGreaterThan(1e-4);
    expect(relative).toBeLessThan(0.1);
  }, 120_000);
});
