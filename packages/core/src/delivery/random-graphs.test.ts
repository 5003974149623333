/** Random small networks: what TensorFlow computes, and what the formats' engines make of the exported graph. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { sharedEngines } from '../../test/shared-engines';
import { testCard } from '../../test/test-card';
import { hardSwish, prelu, relu, relu6, silu } from '../runtime/ops/activation';
import { batchNormInference } from '../runtime/ops/batch-norm';
import { channelShuffle } from '../runtime/ops/channel-shuffle';
import { groupedConv2d } from '../runtime/ops/convolution/grouped';
import { adaptiveAveragePool2d, averagePool2d, globalAveragePool, maxPool2d } from '../runtime/ops/pooling';
import { State } from '../runtime/state';
import { scoped, type Tensor, type Tensor4D, tf, type Variable } from '../runtime/tensorflow';
import { stream } from '../system/random';
import { differences, worst } from './compare';
import { lower } from './lower/lower';
import { recordInference } from './record';
import { formats } from './registry';

const folder = mkdtempSync(join(tmpdir(), 'headshare-random-'));
const engines = sharedEngines();
afterAll(async () => {
  await engines.close();
  rmSync(folder, { recursive: true });
});

const channels = 4;

/** The layers of a random network; each keeps [batch, h, w, 4] or makes h and w smaller. */
const layers = {
  convolution: ({ x, weight, a, b, c }: Place) =>
    groupedConv2d(x, weight([a, b, channels, channels]), 1, { padding: [a >> 1, b >> 1], stride: c }),
  grouped: ({ x, weight, a, b }: Place) =>
    groupedConv2d(x, weight([a, a, 2, channels]), 2, { padding: a >> 1, stride: [b, 1] }),
  depthwise: ({ x, weight, a, c }: Place) =>
    groupedConv2d(x, weight([a, a, 1, channels]), channels, { padding: a >> 1, stride: c }),
  shuffle: ({ x }: Place) => channelShuffle(x, 2),
  maxPool: ({ x, a, c }: Place) => maxPool2d(x, { kernel: a, stride: c, padding: a >> 1 }),
  averagePool: ({ x, a, c }: Place) => averagePool2d(x, { kernel: a, stride: c, padding: a >> 1 }),
  adaptive: ({ x }: Place) =>
    adaptiveAveragePool2d(x, [Math.max(1, x.shape[1] - 2), Math.max(1, Math.ceil(x.shape[2] / 2))]),
  relu: ({ x }: Place) => relu(x),
  relu6: ({ x }: Place) => relu6(x),
  hardSwish: ({ x }: Place) => hardSwish(x),
  silu: ({ x }: Place) => silu(x),
  prelu: ({ x, weight }: Place) => prelu(x, weight([channels])),
  norm: ({ x, weight }: Place) => {
    const variables = {
      gamma: weight([channels]),
      beta: weight([channels]),
      mean: weight([channels]),
      variance: weight([channels], 0.5),
    };
    return batchNormInference(x, variables);
  },
  residual: ({ x }: Place) => tf.add(x, relu(x)) as Tensor4D,
  squeeze: ({ x, weight }: Place) => {
    const scale = tf.sigmoid(tf.matMul(globalAveragePool(x), weight([channels, channels]) as Tensor as never));
    return tf.mul(x, tf.reshape(scale, [x.shape[0], 1, 1, channels])) as Tensor4D;
  },
  mirror: ({ x }: Place) => tf.reverse(x, 2) as Tensor4D,
  halves: ({ x }: Place) => {
    const [left, right] = tf.split(x, 2, 3) as [Tensor4D, Tensor4D];
    return tf.concat([right, relu(left)], 3) as Tensor4D;
  },
};

interface Place {
  readonly x: Tensor4D;
  /** A new variable of numbers from `least` (-0.6) to `least` + 1.2, the same at each recording. */
  readonly weight: (shape: readonly number[], least?: number) => Variable & Tensor4D;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const chosen = fc.record({
  layer: fc.constantFrom(...(Object.keys(layers) as (keyof typeof layers)[])),
  a: fc.constantFrom(1, 3),
  b: fc.constantFrom(1, 3),
  c: fc.constantFrom(1, 2),
});
const layer = (name: keyof typeof layers): Chosen => ({ layer: name, a: 1, b: 1, c: 1 });
type Chosen = typeof chosen extends fc.Arbitrary<infer T> ? T : never;

function network(state: State, random: ReturnType<typeof stream>, parts: readonly Chosen[]) {
  let next = 0;
  const weight = (shape: readonly number[], least = -0.6) => {
    const name = `weight${next++}`;
    const known = state.get(name);
    if (known) return known.variable;
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
      random.uniform(least, least + 1.2),
    );
    return state.declare(name, 'trainable', shape, values);
  };
  const body = (pixels: Tensor4D) => {
    next = 0;
    let x = tf.div(pixels, 128) as Tensor4D;
    for (const { layer, a, b, c } of parts) {
      const isSmall = Math.min(x.shape[1], x.shape[2]) < 3;
      x = layers[layer]({
        x,
        weight: weight as Place['weight'],
        a: isSmall ? 1 : a,
        b: isSmall ? 1 : b,
        c: isSmall ? 1 : c,
      });
    }
    return { pooled: globalAveragePool(x), flat: tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [x.shape[0], -1]) };
  };
  return body;
}

test('every engine computes what TensorFlow computes', async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(chosen, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 0, max: 1000 }),
      fc.constantFrom([7, 7], [6, 9]),
      async (parts, seed, [height, width]) => {
        const state = new State();
        const [h, w] = [height as number, width as number];
        try {
          const random = stream(seed, 'graph');
          const body = network(state, random, parts);
          const values = Float32Array.from({ length: 2 * h * w * channels }, () => random.uniform(0, 255));
          const expected = scoped(() => {
            const made = body(tf.tensor4d(values, [2, h, w, channels]));
            return Object.fromEntries(
              Object.entries(made).map(([name, tensor]) => [name, Float32Array.from(tensor.dataSync())]),
            );
          });
          const graph = lower(recordInference(state, [h, w, channels], body));
          for (const format of formats.all) {
            const name = `graph${count++}`;
            const target = join(folder, format.ending === '/' ? name : `${name}${format.ending}`);
            for (const { path, parts: content } of format.write(graph, testCard, {
              weights: 'float32',
              name: `${name}${format.ending}`,
            })) {
              const file = format.ending === '/' ? join(target, path) : join(folder, path);
              mkdirSync(dirname(file), { recursive: true });
              writeFileSync(
                file,
                Buffer.concat(content.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))),
              );
            }
            const model = await engines.load(format, target, graph);
            const found = worst(differences(expected, await model.run({ shape: [2, h, w, channels], values })));
            await model.close();
            if (!(found.relative < 1e-5 || found.largest < 1e-6))
              throw new Error(`${format.name}: ${JSON.stringify(found)}`);
          }
        } finally {
          state.dispose();
        }
      },
    ),
    {
      numRuns: Number(process.env.HEADSHARE_FUZZ ?? 20),
      examples: [
        // As wide as it has channels, where onnxruntime folded the batch norm into the pooling's product: onnx/layers.ts.
        [[layer('adaptive'), layer('norm'), layer('convolution')], 0, [7, 7]],
      ],
    },
  );
}, 300_000);
