/** Which outputs of batch norm a compiled step keeps for its gradient, and that computing them again changes no bit. */
import { hasKernel } from '../binding';
import { batchNormTraining } from '../ops/batch-norm';
import { conv2d } from '../ops/convolution/conv2d';
import { Program } from '../program';
import { State } from '../state';
import { type Scalar, type Tensor, type Tensor4D, tf, type Variable } from '../tensorflow';
import { compileStep } from './compile';

const onCpu = hasKernel('HeadshareBatchNormAgain') ? test : test.skip;
const inputs = { x: { dtype: 'float32', shape: [4, 6, 6, 16] } } as const;

type Norm = (x: Tensor4D, residual?: Tensor4D) => Tensor4D;
type Convolve = (x: Tensor4D, size: 1 | 3) => Tensor4D;
const between = <T>(y: T, use: (y: T) => Tensor): Tensor4D => use(y) as Tensor4D;
type Body = (x: Tensor4D, norm: Norm, convolve: Convolve) => Tensor4D;

/** A step that returns the loss of `body`, and the gradients by its variables and its input. */
function stepOf(body: Body) {
  const state = new State();
  const vector = (name: string, value: number, kind: 'trainable' | 'statistic' = 'trainable') =>
    state.declare(name, kind, [16], new Float32Array(16).fill(value));
  const variables = {
    gamma: vector('gamma', 1.2),
    beta: vector('beta', 0.1),
    mean: vector('mean', 0, 'statistic'),
    variance: vector('variance', 1, 'statistic'),
  };
  const filters = { 1: filterOf(state, 1), 3: filterOf(state, 3) };
  const norm: Norm = (x, residual) =>
    batchNormTraining(x, variables, { activation: 'relu', ...(residual && { residual }) });
  const convolve: Convolve = (x, size) => conv2d(x, filters[size], { padding: (size - 1) / 2 });
  const step = ({ x }: { readonly x: Tensor }) => {
    const loss = () => tf.sum<Scalar>(tf.square(body(x as Tensor4D, norm, convolve)));
    const learned = [filters[1], filters[3], variables.gamma, variables.beta];
    const { value, grads } = tf.variableGrads(loss, learned);
    const gradients = learned.map((variable, index) => [`by${index}`, grads[variable.name] ?? tf.zerosLike(variable)]);
    return { loss: value, ...Object.fromEntries(gradients) } as Record<string, Tensor>;
  };
  return { state, step };
}

const filterOf = (state: State, size: 1 | 3) => {
  const values = Float32Array.from({ length: size * size * 256 }, (_, i) => Math.sin(12.9898 * (i + size)) / 8);
  return state.declare(`filter${size}`, 'trainable', [size, size, 16, 16], values) as unknown as Tensor4D & Variable;
};

function operations(body: Body): readonly string[] {
  const { state, step } = stepOf(body);
  const { nodes } = compileStep('step', inputs, step, state, () => []);
  state.dispose();
  return nodes.map(({ op }) => op);
}

const again = (body: Body): number => operations(body).filter((op) => op === 'HeadshareBatchNormAgain').length;

onCpu('the output of batch norm before a convolution is computed again for the gradient of its filter', () => {
  expect(again((x, norm, convolve) => convolve(norm(convolve(x, 1)), 3))).toBe(1);
  expect(again((x, norm, convolve) => convolve(norm(convolve(x, 1)), 1))).toBe(1);
  // Two convolutions share what is computed again.
  expect(
    again((x, norm, convolve) => between(norm(convolve(x, 1)), (y) => tf.add(convolve(y, 1), convolve(y, 3)))),
  ).toBe(1);
});

onCpu('it is kept where another gradient needs it', () => {
  expect(again((x, norm, convolve) => between(norm(convolve(x, 1)), (y) => tf.mul(convolve(y, 3), y)))).toBe(0);
  expect(again((x, norm, convolve) => convolve(norm(convolve(x, 1), x), 3))).toBe(0);
});

onCpu('nothing is computed again where no convolution follows', () => {
  expect(again((x, norm, convolve) => norm(convolve(x, 1)))).toBe(0);
});

onCpu('loss and gradients have the bits of the step that keeps everything', async () => {
  const values = { x: Float32Array.from({ length: 4 * 6 * 6 * 16 }, (_, i) => Math.sin(78.233 * i)) };
  const bits = async (eager: boolean) => {
    const { state, step } = stepOf((x, norm, convolve) => convolve(norm(convolve(norm(convolve(x, 1)), 3)), 1));
    const result = await new Program(state, { eager }).define('step', inputs, step)(values);
    state.dispose();
    return result;
  };
  const [compiled, eager] = [await bits(false), await bits(true)];
  expect(compiled).toEqual(eager);
});
