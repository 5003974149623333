import { float64GradientErrors } from '../../test/float64-gradient-check';
import { randomValues } from '../../test/gradient-check';
import { hardSigmoid, opsHardSigmoid, silu } from '../runtime/ops/activation';
import { State } from '../runtime/state';
import { type Tensor4D, tf } from '../runtime/tensorflow';
import { squeezeExcitation } from './mobile-network';
import { Scope } from './scope';

function build(channels: number, squeezed: number, gate = hardSigmoid) {
  const state = new State();
  const shape = { channels, squeezed, activation: silu, gate };
  return { state, apply: squeezeExcitation(Scope.root(state, 'net', 1), shape) };
}

test('each channel is multiplied by a factor that depends on all means', () => {
  const { state, apply } = build(2, 1);
  const set = (name: string, values: number[]) => {
    const { variable } = state.get(`net/${name}`) ?? {};
    variable?.assign(tf.tensor(values, variable.shape));
  };
  expect(state.all().map(({ name, shape }) => [name, shape])).toEqual([
    ['net/fc1.weight', [1, 1, 2, 1]],
    ['net/fc1.bias', [1]],
    ['net/fc2.weight', [1, 1, 1, 2]],
    ['net/fc2.bias', [2]],
  ]);
  // The means 2 and 10 make 2 * 10 - 10 * 2 = 0, of which the bias alone is left: the factors 1/2 and 1/4.
  set('fc1.weight', [10, -2]);
  set('fc2.weight', [7, 7]);
  set('fc2.bias', [0, -1.5]);
  const x = tf.tensor4d([1, 8, 3, 12], [1, 1, 2, 2]);
  for (const mode of ['train', 'eval'] as const) {
    expect(Array.from(apply(x, mode).dataSync())).toEqual([0.5, 2, 1.5, 3]);
  }
});

test('all gradients equal central differences', async () => {
  // The kernel takes no float64; it has the bits of the operations in float32.
  const { state, apply } = build(4, 3, opsHardSigmoid);
  const inputs = [randomValues('x', [2, 3, 2, 4]), ...state.all().map(({ variable }) => variable)];
  for (const error of await float64GradientErrors((x) => apply(x as Tensor4D, 'train'), inputs)) {
    expect(error).toBeLessThan(1e-6);
  }
});
