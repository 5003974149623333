/** Shapes, names and initial values of the learned modules. ../reference-losses.test.ts tests their results. */

import { bottleneck } from '../../nn/bottleneck';
import type { Mode } from '../../nn/layers';
import { Scope } from '../../nn/scope';
import { Program } from '../../runtime/program';
import { State } from '../../runtime/state';
import { type Tensor, type Tensor4D, tf } from '../../runtime/tensorflow';
import { connector } from '../modules/connector';
import { convolutionalRegressor } from '../modules/convolutional-regressor';
import { linearEmbedding, unitEmbedding } from '../modules/embedding';
import { paraphraser, translator } from '../modules/factor';
import { variationalRegressor } from '../modules/variational-regressor';

const size = (side: number, channels: number) => ({ height: side, width: side, channels });
const image = (side: number, channels: number) =>
  tf.randomUniform([2, side, side, channels], -1, 1, 'float32', 1) as Tensor4D;

function built<T>(build: (scope: Scope) => T): { part: T; state: State; names: string[] } {
  const state = new State();
  const part = build(Scope.root(state, 'part', 1));
  return { part, state, names: state.all().map(({ name }) => name.slice('part/'.length)) };
}

test.each([
  ['of the same size', 4, 4, [1, 1, 3, 5]],
  ['twice as large', 8, 4, [3, 3, 3, 5]],
  ['half as large', 4, 8, [4, 4, 5, 3]],
  ['larger', 7, 4, [4, 4, 3, 5]],
] as const)('a regressor from a map: %s', (_, from, to, filter) => {
  const { part, state, names } = built((scope) => convolutionalRegressor(scope, size(from, 3), size(to, 5)));
  expect(part(image(from, 3), 'train').shape).toEqual([2, to, to, 5]);
  expect(state.get('part/conv.weight')?.shape).toEqual(filter);
  expect(names).toEqual(['conv.weight', 'conv.bias', 'bn.weight', 'bn.bias', 'bn.running_mean', 'bn.running_var']);
});

test.each([
  ['of the same size', [4, 3], [4, 3]],
  ['twice as large', [8, 6], [4, 3]],
  ['twice as large, less half a pixel', [8, 5], [4, 3]],
  ['half as large', [4, 3], [8, 6]],
  ['larger', [7, 5], [4, 3]],
  ['larger in one direction', [8, 3], [4, 2]],
] as const)('a regressor from a map of unequal sides: %s', (_, [height, width], [wantedHeight, wantedWidth]) => {
  const shape = { height: wantedHeight, width: wantedWidth, channels: 5 };
  const { part } = built((scope) => convolutionalRegressor(scope, { height, width, channels: 3 }, shape));
  const map = tf.ones([2, height, width, 3]) as Tensor4D;
  expect(part(map, 'train').shape).toEqual([2, wantedHeight, wantedWidth, 5]);
});

test('a regressor between other sizes is refused', () => {
  const narrow = { height: 8, width: 5, channels: 5 };
  expect(() => built((scope) => convolutionalRegressor(scope, { height: 4, width: 3, channels: 3 }, narrow))).toThrow(
    'No regressor maps 4x3 to 8x5',
  );
  expect(() => built((scope) => convolutionalRegressor(scope, size(3, 3), size(4, 5)))).toThrow(
    'No regressor maps 3x3 to 4x4',
  );
});

test("initial values are within PyTorch's bounds: 1 / sqrt(fan-in)", () => {
  const bounds = (state: State, name: string) =>
    Math.max(...Array.from(state.get(`part/${name}`)?.variable.dataSync() ?? [], Math.abs));
  const half = built((scope) => convolutionalRegressor(scope, size(8, 30), size(4, 40))).state;
  expect(bounds(half, 'conv.weight')).toBeCloseTo(1 / Math.sqrt(30 * 9), 3);
  expect(bounds(half, 'conv.bias')).toBeLessThan(1 / Math.sqrt(30 * 9));
  // PyTorch computes the fan-in of a transposed convolution from its output channels.
  const up = built((scope) => convolutionalRegressor(scope, size(4, 30), size(8, 40))).state;
  expect(bounds(up, 'conv.weight')).toBeCloseTo(1 / Math.sqrt(40 * 16), 3);
});

test('a connector does not change feature maps that already have the shape', () => {
  const { part, names } = built((scope) => connector(scope, [size(4, 3), size(2, 4)], [size(4, 3), size(2, 6)]));
  const [first, second] = [image(4, 3), image(2, 4)];
  const maps = part([first, second], 'train');
  expect(maps[0]).toBe(first);
  expect(maps[1]?.shape).toEqual([2, 2, 2, 6]);
  expect(new Set(names.map((name) => name.split('.').slice(0, 2).join('.')))).toEqual(new Set(['connectors.1']));
});

test('a connector changes maps that have the height alone', () => {
  const [from, to] = [
    { height: 4, width: 4, channels: 3 },
    { height: 4, width: 2, channels: 3 },
  ];
  const { part } = built((scope) => connector(scope, [from], [to]));
  expect(part([image(4, 3)], 'train')[0]?.shape).toEqual([2, 4, 2, 3]);
});

test('a paraphraser halves the channels, and its decoder restores them', () => {
  const { part, names } = built((scope) => paraphraser(scope, size(4, 6)));
  const factor = part.encode(image(4, 6), 'eval');
  expect(factor.shape).toEqual([2, 4, 4, 3]);
  expect(part.decode(factor, 'eval').shape).toEqual([2, 4, 4, 6]);
  expect(names.filter((name) => name.endsWith('weight'))).toEqual(
    ['encoder', 'decoder'].flatMap((half) => [0, 3, 6].map((at) => `${half}.${at}.weight`)),
  );
  const student = built((scope) => translator(scope, size(4, 5), size(4, 6)));
  expect(student.part(image(4, 5), 'train').shape).toEqual([2, 4, 4, 3]);
  expect(student.names).toContain('encoder.7.running_var');
});

test("the variational regressor's variance is initially 5", () => {
  const { part } = built((scope) => variationalRegressor(scope, { inputs: 3, outputs: 4 }));
  expect(part.mean(image(4, 3)).shape).toEqual([2, 4, 4, 4]);
  for (const scale of part.logScale.dataSync()) expect(Math.log1p(Math.exp(scale)) + 1e-5).toBeCloseTo(5, 5);
});

test('embeddings flatten feature maps by channel; embeddings for contrast have length 1', () => {
  const { part, state } = built((scope) => linearEmbedding(scope, { inputs: 8, outputs: 1 }));
  state.get('part/linear.weight')?.variable.assign(tf.tensor2d([1, 0, 0, 0, 10, 0, 0, 0], [8, 1]));
  state.get('part/linear.bias')?.variable.assign(tf.zeros([1]));
  const map = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 2, 2]);
  expect(part(map).dataSync()[0]).toBe(1 + 10 * 2);
  const unit = built((scope) => unitEmbedding(scope, { inputs: 8, outputs: 5 })).part(map);
  expect(tf.sum(tf.square(unit)).dataSync()[0]).toBeCloseTo(1, 5);
});

test('all modules run in a compiled step', async () => {
  const state = new State();
  const scope = Scope.root(state, 'parts', 1);
  const [small, large] = [size(4, 4), size(8, 6)];
  const mode: Mode = 'train';
  const up = convolutionalRegressor(scope.child('up'), small, large);
  const factor = paraphraser(scope.child('paraphraser'), small);
  const predict = variationalRegressor(scope.child('vid'), { inputs: 4, outputs: 6 });
  const project = bottleneck(scope.child('simkd'), { inputs: 4, outputs: 6, size: [4, 4], factor: 2 });
  const embed = unitEmbedding(scope.child('embed'), { inputs: 64, outputs: 8 });
  const program = new Program(state);
  const variables = state.all('trainable').map(({ variable }) => variable);
  const step = program.define('parts', { x: { dtype: 'float32', shape: [2, 4, 4, 4] } }, ({ x }) => {
    const map = x as Tensor as Tensor4D;
    const { value, grads } = tf.variableGrads(() => {
      const outputs: Tensor[] = [
        up(map, mode),
        factor.decode(factor.encode(map, mode), mode),
        tf.mul(predict.mean(map), tf.softplus(predict.logScale)),
        project(map, mode),
        embed(map),
      ];
      return tf.addN(outputs.map((one) => tf.mean(tf.square(one)))).asScalar();
    }, variables);
    return { value, reached: tf.scalar(Object.keys(grads).length) };
  });
  const { value, reached } = await step({ x: image(4, 4).dataSync() as Float32Array });
  expect(value[0]).toBeGreaterThan(0);
  expect(reached[0]).toBe(variables.length);
  program.dispose();
  state.dispose();
});
