import { instanceOf, sumExactly, sumOverMembers } from '../ops/collective';
import { conv2d } from '../ops/convolution/conv2d';
import { transposedConv2d } from '../ops/convolution/transposed';
import { State } from '../state';
import { type Scalar, type Tensor, type Tensor4D, tf, type Variable } from '../tensorflow';
import { compileStep } from './compile';
import { filtersFirst, sumsEarly } from './gradient-order';
import { type GraphNode, nodeOf } from './graph-def';

const node = (name: string, op: string, ...inputs: readonly string[]): GraphNode => ({ name, op, inputs, attrs: [] });
const inputsOf = (nodes: readonly GraphNode[]) => Object.fromEntries(nodes.map(({ name, inputs }) => [name, inputs]));

test("the gradient of a convolution's input waits for that of its filter", () => {
  const nodes = [
    node('dx', 'Conv2DBackpropInput', 'sizes', 'filter', 'dy'),
    node('dfilter', 'HeadshareConvGradFilter', 'dy', 'x'),
    node('another', 'Conv2DBackpropInput', 'sizes', 'filter', 'another dy'),
  ];
  expect(inputsOf(filtersFirst(nodes))).toEqual({
    dx: ['sizes', 'filter', 'dy', '^dfilter'],
    dfilter: ['dy', 'x'],
    another: ['sizes', 'filter', 'another dy'],
  });
});

test('a transposed convolution does not wait for its own gradient', () => {
  const nodes = [
    node('y', 'Conv2DBackpropInput', 'sizes', 'filter', 'x'),
    node('dy', 'Mul', 'y', 'y'),
    node('dfilter', 'Conv2DBackpropFilter', 'dy', 'sizes', 'x'),
  ];
  expect(filtersFirst(nodes)).toEqual(nodes);
});

describe('sums over workers', () => {
  const backward = [
    node('forward', 'Conv2D', 'x'),
    node('d1', 'Grad', 'forward'),
    node('dx1', 'Conv2DBackpropInput', 'sizes', 'filter', 'd1'),
    node('df1', 'Conv2DBackpropFilter', 'x1', 'sizes', 'd1'),
    node('d2', 'Grad', 'dx1'),
    node('dx2', 'Conv2DBackpropInput', 'sizes', 'filter', 'd2'),
    node('df2', 'Conv2DBackpropFilter', 'x2', 'sizes', 'd2'),
    node('d3', 'Grad', 'dx2'),
    node('df3', 'Conv2DBackpropFilter', 'x3', 'sizes', 'd3'),
  ];

  test('begin in the middle of the backward pass, as soon as their gradients are there', () => {
    const sums = [
      node('flat', 'ConcatV2', 'd1', 'df1'),
      node('sum', 'CollectiveReduceV2', 'flat', 'group'),
      node('flat last', 'ConcatV2', 'df2', 'df3'),
      node('sum last', 'CollectiveReduceV2', 'flat last', 'group'),
    ];
    const changed = inputsOf(sumsEarly([...backward, ...sums]));
    expect(changed).toEqual({
      ...inputsOf([...backward, ...sums]),
      'dx2/gate': ['d2', '^flat'],
      dx2: ['sizes', 'filter', 'dx2/gate'],
      sum: ['flat', 'group', '^dx2/gate'],
    });
  });

  test('that the backward pass needs, or that need another sum, stay as they are', () => {
    const early = [node('maximum', 'CollectiveReduceV2', 'x', 'group'), node('forward', 'Conv2D', 'maximum')];
    const [, ...others] = backward;
    expect(sumsEarly([...early, ...others])).toEqual([...early, ...others]);

    const sums = [
      node('sum', 'CollectiveReduceV2', 'df1', 'group'),
      node('square', 'Square', 'sum'),
      node('norm', 'CollectiveReduceV2', 'square', 'group'),
    ];
    const changed = inputsOf(sumsEarly([...backward, ...sums]));
    expect(changed.norm).toEqual(['square', 'group']);
    expect(changed.sum).toEqual(['df1', 'group', '^dx2/gate']);
  });
});

test('a compiled step has both orders, and no circle', () => {
  const state = new State();
  const filter = (name: string) => {
    const values = Float32Array.from({ length: 9 * 64 }, (_, i) => Math.sin(i));
    return state.declare(name, 'trainable', [3, 3, 8, 8], values) as unknown as Tensor4D & Variable;
  };
  const filters = { first: filter('first'), second: filter('second'), third: filter('third'), up: filter('up') };
  const inputs = {
    x: { dtype: 'float32', shape: [2, 8, 8, 8] },
    group: { dtype: 'int32', shape: [2] },
  } as const;
  const step = ({ x, group }: { readonly x: Tensor; readonly group: Tensor }): Record<string, Tensor> => {
    const loss = () => {
      const convolved = [filters.first, filters.second, filters.third].reduce<Tensor4D>(
        (y, one) => tf.relu(conv2d(y, one, { padding: 1 })),
        x as Tensor4D,
      );
      return tf.mean<Scalar>(tf.square(transposedConv2d(convolved, filters.up, { stride: 2, padding: 1 })));
    };
    const { value, grads } = tf.variableGrads(loss, Object.values(filters));
    const summed = Object.entries(filters).map(([name, { name: variable }]): [string, Tensor] => {
      const hi = grads[variable] as Tensor;
      const pair = { hi, lo: tf.zerosLike(hi) };
      return [name, sumOverMembers(pair, { group, sums: 'exact' }, instanceOf(name))];
    });
    return { loss: sumExactly(value, group, instanceOf('loss')), ...Object.fromEntries(summed) };
  };
  const { nodes } = compileStep('step', inputs, step, state, () => []);
  state.dispose();
  expect(nodes.filter(({ name }) => name.endsWith('/gate')).length).toBeGreaterThan(1);
  const waiting = nodes.filter(({ op, inputs }) => /Input$/.test(op) && inputs.some((one) => /^\^.*Filter/.test(one)));
  expect(waiting.length).toBeGreaterThan(1);
  expect(unordered(nodes)).toEqual([]);
});

/** The nodes that cannot run, because each waits for another one of them. */
function unordered(nodes: readonly GraphNode[]): readonly string[] {
  let waiting = nodes;
  for (;;) {
    const names = new Set(waiting.map(({ name }) => name));
    const left = waiting.filter(({ inputs }) => inputs.some((input) => names.has(nodeOf(input))));
    if (left.length === waiting.length) return left.map(({ name }) => name);
    waiting = left;
  }
}
