import { createHash } from 'node:crypto';
import { crossEntropy } from '../runtime/ops/cross-entropy';
import { Program } from '../runtime/program';
import { State } from '../runtime/state';
import { type Tensor, type Tensor1D, type Tensor4D, tf } from '../runtime/tensorflow';
import { buildNetwork } from './network';
import type { ScopeOptions } from './scope';

const pixels = Uint8Array.from({ length: 4 * 32 * 32 * 3 }, (_, i) => (i * 7919) % 256);
const labels = Int32Array.of(0, 1, 2, 3);

/** Two steps down the gradient: the losses, and all variables afterwards. */
async function trained(backbone: string, options: ScopeOptions) {
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
      const { embedding } = network.embed(given.pixels as Tensor4D, 'train');
      return crossEntropy(network.head.logits(embedding), given.labels as Tensor1D);
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

test.each(['resnet14', 'iresnet10', 'mobilefacenet', 'mobilefacenet-insightface', 'mobilenet_v3_small'])(
  'a %s whose blocks are recomputed trains the same, bit for bit',
  async (backbone) => {
    expect(await trained(backbone, { recompute: true })).toEqual(await trained(backbone, {}));
  },
);
