import { createHash } from 'node:crypto';
import { crossEntropy } from '../runtime/ops/cross-entropy';
import { Program } from '../runtime/program';
import { State } from '../runtime/state';
import { type Scalar, type Tensor, type Tensor1D, type Tensor4D, tf } from '../runtime/tensorflow';
import type { ApplyOptions } from './backbone';
import { buildNetwork } from './network';
import type { ScopeOptions } from './scope';

const pixels = Uint8Array.from({ length: 4 * 32 * 32 * 3 }, (_, i) => (i * 7919) % 256);
const labels = Int32Array.of(0, 1, 2, 3);

/** Two steps down the gradient: the losses, and all variables afterwards. */
async function trained(backbone: string, { preactivations, ...options }: ScopeOptions & ApplyOptions) {
  const state = new State();
  const description = { backbone, head: 'linear', inputSize: 32, width: 0.25, embeddingSize: 8, classes: 4 };
  const network = buildNetwork(state, 'student', description, 1, options);
  const program = new Program(state);
  const variables = state.all('trainable').map(({ variable }) => variable);
  const inputs = {
    pixels: { dtype: 'uint8', shape: [4, 32, 32, 3] },
    labels: { dtype: 'int32', shape: [4] },
  } as const;
  const step = program.define('train', inputs, (given) => {
    const { value, grads } = tf.variableGrads(() => {
      const output = network.embed(given.pixels as Tensor4D, 'train', { preactivations });
      const loss = crossEntropy(network.head.logits(output.embedding), given.labels as Tensor1D);
      const before = output.preactivations ?? [];
      return before.reduce<Scalar>((sum, map) => tf.add(sum, tf.mean(tf.square(map))), loss);
    }, variables);
    for (const variable of variables) {
      variable.assign(tf.sub(variable, tf.mul(grads[variable.name] as Tensor, 0.05)));
    }
    return { loss: value };
  });
  const losses = [await step({ pixels, labels }), await step({ pixels, labels })];
  program.pull();
  // A digest: jest takes minutes to tell the difference of two networks.
  const values = [...state.values()].map(
    ([name, one]) => `${name} ${Buffer.from(one.values.buffer).toString('base64')}`,
  );
  program.dispose();
  state.dispose();
  return { losses, digest: createHash('sha256').update(values.join()).digest('hex') };
}

test.each([
  'resnet14',
  'iresnet10',
  'mobilefacenet',
  'mobilefacenet-insightface',
  'wrn_16_1',
  'vgg8',
  'cifar-resnet50',
  'cifar-mobilenet-v2',
  'shufflenet-v1',
  'shufflenet-v2',
  'mobilenet_v3_small',
])('a %s whose blocks are recomputed trains the same, bit for bit', async (backbone) => {
  expect(await trained(backbone, { recompute: true })).toEqual(await trained(backbone, {}));
});

// Not bit for bit: a map that the loss reads too has its gradients added up in another order.
test.each(['resnet14', 'wrn_16_1', 'shufflenet-v2'])('and so does a %s by its preactivations', async (backbone) => {
  const losses = async (recompute: boolean) =>
    (await trained(backbone, { preactivations: true, recompute })).losses.map(({ loss }) => loss?.[0] ?? Number.NaN);
  const [first = 0, second = 0] = await losses(false);
  const [sameFirst = 0, sameSecond = 0] = await losses(true);
  expect(sameFirst).toBe(first);
  expect(sameSecond / second).toBeCloseTo(1, 5);
});
