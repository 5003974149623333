/** Which batch norms a compiled step leaves to the depthwise convolution behind them, and that this changes no bit. */
import { hasKernel } from '../binding';
import { batchNormTraining } from '../ops/batch-norm';
import { conv2d } from '../ops/convolution/conv2d';
import { type DepthwiseOptions, depthwiseConv2d } from '../ops/convolution/depthwise';
import { Program } from '../program';
import { State } from '../state';
import { type Scalar, type Tensor, type Tensor4D, tf, type Variable } from '../tensorflow';
import { compileStep } from './compile';

const onCpu = hasKernel('HeadshareDepthwiseNormalised') ? test : test.skip;

type Activation = 'none' | 'relu' | 'prelu';

interface Parts {
  readonly norm: (x: Tensor4D, residual?: Tensor4D) => Tensor4D;
  readonly depthwise: (x: Tensor4D, options?: DepthwiseOptions) => Tensor4D;
  readonly pointwise: (x: Tensor4D) => Tensor4D;
}
type Body = (x: Tensor4D, parts: Parts) => Tensor;

/** A step that returns the loss of `body`, its gradients, and the running statistics that it moved. */
function stepOf(body: Body, { channels = 16, size = 3, activation = 'relu' as Activation } = {}) {
  const state = new State();
  const declare = (name: string, kind: 'trainable' | 'statistic', shape: number[], start: number, spread = 0.5) => {
    const values = Float32Array.from(
      { length: shape.reduce((a, b) => a * b) },
      (_, i) => start + spread * Math.sin(12.9898 * i + name.length),
    );
    return state.declare(name, kind, shape, values) as unknown as Tensor4D & Variable;
  };
  const variables = {
    gamma: declare('gamma', 'trainable', [channels], 1.2),
    beta: declare('beta', 'trainable', [channels], 0.1),
    mean: declare('mean', 'statistic', [channels], 0),
    variance: declare('variance', 'statistic', [channels], 1),
  };
  const slope = declare('slope', 'trainable', [channels], 0.25, 0.1);
  const window = declare('window', 'trainable', [size, size, channels, 1], 0);
  const matrix = declare('matrix', 'trainable', [1, 1, channels, channels], 0);
  const following = { none: {}, relu: { activation: 'relu' }, prelu: { activation: { slope } } } as const;
  const parts: Parts = {
    norm: (x, residual) => batchNormTraining(x, variables, { ...following[activation], ...(residual && { residual }) }),
    depthwise: (x, options) => depthwiseConv2d(x, window, options),
    pointwise: (x) => conv2d(x, matrix),
  };
  const step = ({ x }: { readonly x: Tensor }) => {
    const loss = () => tf.sum<Scalar>(tf.square(body(x as Tensor4D, parts)));
    const learned = [window, matrix, variables.gamma, variables.beta, slope];
    const { value, grads } = tf.variableGrads(loss, learned);
    const gradients = learned.map(({ name }, index) => [`by${index}`, grads[name] ?? tf.zeros([1])]);
    return { loss: value, ...Object.fromEntries(gradients) } as Record<string, Tensor>;
  };
  return { state, step };
}

function operations(body: Body): readonly string[] {
  const { state, step } = stepOf(body);
  const { nodes } = compileStep('step', { x: { dtype: 'float32', shape: [2, 6, 6, 16] } }, step, state, () => []);
  state.dispose();
  return nodes.map(({ op }) => op).filter((op) => /BatchNorm|Depthwise/.test(op));
}

const plain: readonly string[] = [
  'HeadshareBatchNorm',
  'HeadshareDepthwise',
  'HeadshareDepthwiseGrad',
  'HeadshareBatchNormGrad',
];

onCpu('a depthwise convolution and its gradient normalise what only they read', () => {
  expect(operations((x, { norm, depthwise }) => depthwise(norm(x)))).toEqual([
    'HeadshareBatchNormStatistics',
    'HeadshareDepthwiseNormalised',
    'HeadshareDepthwiseNormalisedGrad',
    'HeadshareBatchNormGrad',
  ]);
});

onCpu('batch norm writes its output where something else reads it too', () => {
  const added: Body = (x, { norm, depthwise }) => {
    const y = norm(x);
    return tf.add(depthwise(y, { padding: 1 }), y);
  };
  expect(operations(added)).toEqual(plain);
});

onCpu('and where it adds a residual', () => {
  expect(operations((x, { norm, depthwise }) => depthwise(norm(x, x)))).toEqual(plain);
});

describe('loss, gradients and statistics have the bits of the step that stores every output', () => {
  interface Case extends DepthwiseOptions {
    readonly shape: readonly [number, number, number, number];
    readonly size?: number;
    readonly activation?: Activation;
  }
  onCpu.each<[string, Case]>([
    ['small maps, which share sums', { shape: [3, 6, 5, 16], padding: 1 }],
    ['PReLU', { shape: [3, 6, 5, 19], padding: 1, activation: 'prelu' }],
    ['no activation', { shape: [3, 6, 5, 3], padding: 1, activation: 'none' }],
    ['maps of several bands', { shape: [2, 43, 41, 67], padding: 1, activation: 'prelu' }],
    ['more bands than a task takes', { shape: [2, 90, 41, 67], padding: 1 }],
    ['several bands at stride 2', { shape: [2, 61, 59, 64], stride: 2, padding: 1, activation: 'prelu' }],
    ['a filter of 5x5', { shape: [2, 33, 31, 64], size: 5, padding: 2 }],
    ['a filter as large as the map', { shape: [4, 7, 7, 32], size: 7 }],
    ['rows that the filter leaves out', { shape: [2, 20, 20, 16], size: 1, stride: 3 }],
    ['a padding larger than the filter reaches', { shape: [2, 9, 8, 16], padding: 4 }],
  ])('%s', async (_, { shape, size = 3, activation = 'relu', ...options }) => {
    const values = { x: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(78.233 * i)) };
    const bits = async (eager: boolean) => {
      const body: Body = (x, { norm, depthwise, pointwise }) => depthwise(norm(pointwise(x)), options);
      const { state, step } = stepOf(body, { channels: shape[3], size, activation });
      const program = new Program(state, { eager });
      const result = await program.define('step', { x: { dtype: 'float32', shape } }, step)(values);
      program.pull();
      const moved = state.values();
      program.dispose();
      state.dispose();
      return { result, moved };
    };
    const [compiled, eager] = [await bits(false), await bits(true)];
    expect(compiled).toEqual(eager);
  });
});
