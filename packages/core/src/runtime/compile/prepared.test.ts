import { Program } from '../program';
import { State } from '../state';
import { type Tensor2D, tf } from '../tensorflow';
import type { GraphNode } from './graph-def';
import { divide } from './prepared';

const node = (name: string, op: string, inputs: readonly string[] = []): GraphNode => ({ name, op, inputs, attrs: [] });

const graph = [
  node('feed/x', 'Placeholder'),
  node('handle/w', 'VarHandleOp'),
  node('read/w', 'ReadVariableOp', ['handle/w']),
  node('axes', 'Const'),
  node('square', 'Mul', ['read/w', 'read/w']),
  node('sum', 'Sum', ['square', 'axes']),
  node('count', 'Cast', ['sum']),
  node('y', 'MatMul', ['feed/x', 'square']),
  node('z', 'Add', ['y', 'sum']),
  node('n', 'Fill', ['count', 'z']),
  node('output/n', 'Identity', ['n']),
];

const divided = (floats: readonly string[]) =>
  divide({
    nodes: graph,
    kept: ['feed/x', 'output/n'],
    floats: new Map(floats.map((name) => [name, [2]])),
  });

const namesOf = (nodes: readonly GraphNode[] = []): readonly string[] => nodes.map(({ name }) => name);

describe('dividing a step', () => {
  test('moves what depends on the state alone out of it', () => {
    const { nodes, feeds, preparation } = divided(['square', 'sum', 'count', 'y', 'z']);
    expect(namesOf(nodes).filter((name) => !/prepared/.test(name))).toEqual(['feed/x', 'y', 'z', 'n', 'output/n']);
    expect(nodes.find(({ name }) => name === 'y')?.inputs).toEqual(['feed/x', 'feed/prepared/0']);
    expect(namesOf(preparation?.nodes).filter((name) => !/prepared/.test(name))).toEqual([
      'handle/w',
      'read/w',
      'axes',
      'square',
      'sum',
      'count',
    ]);
    expect(preparation?.outputs).toEqual(['prepared/0', 'prepared/1', 'prepared/2']);
    expect(feeds).toEqual(['feed/prepared/0', 'feed/prepared/1', 'feed/prepared/2']);
  });

  test('computes what is not float32 in the step, with all that it needs', () => {
    const { nodes } = divided(['square', 'sum', 'y', 'z']);
    expect(namesOf(nodes)).toEqual(expect.arrayContaining(['read/w', 'axes', 'square', 'sum', 'count']));
  });

  test('leaves a step alone that computes nothing from the state', () => {
    expect(divided([])).toEqual({ nodes: graph, feeds: [], preparation: undefined });
  });
});

const batch = { x: { dtype: 'float32', shape: [2, 3] } } as const;

function scaling(eager: boolean) {
  const state = new State();
  const w = state.declare('w', 'trainable', [3, 2], Float32Array.of(0.1, -0.2, 0.3, 0.4, 0.5, -0.6));
  const program = new Program(state, { eager });
  const folded = () => tf.div(tf.square(w), tf.sqrt(tf.sum(tf.square(w)))) as Tensor2D;
  const predict = (name: string) =>
    program.define(name, batch, ({ x }) => ({ y: tf.matMul(x as Tensor2D, folded()), norm: tf.sum(folded()) }));
  const train = program.define('train', batch, ({ x }) => {
    w.assign(tf.add(w, tf.mul(tf.sum(x), 0.01)));
    return { sum: tf.sum(w) };
  });
  return { state, program, w, predict: predict('predict'), again: predict('predict'), train };
}

describe('a step that only reads the state', () => {
  const x = Float32Array.of(1, 2, 3, 4, 5, 6);

  test('gives the eager bits, before and after the state changes', async () => {
    const [eager, compiled] = [scaling(true), scaling(false)];
    for (const { predict, again, train, program, w } of [eager, compiled]) {
      await predict({ x });
      await again({ x });
      await train({ x });
      await predict({ x });
      program.pull();
      w.assign(tf.mul(w, 2));
      program.push();
    }
    for (let round = 0; round < 3; round++) {
      expect(await compiled.predict({ x })).toEqual(await eager.predict({ x }));
      expect(await compiled.again({ x })).toEqual(await eager.again({ x }));
      await compiled.train({ x });
      await eager.train({ x });
    }
    compiled.program.dispose();
  });

  test('sees every change at once', async () => {
    const { predict, train, program, w } = scaling(false);
    const first = await predict({ x });
    await train({ x });
    const second = await predict({ x });
    expect(second.y).not.toEqual(first.y);
    w.assign(tf.zerosLike(w));
    program.push();
    expect(Array.from((await predict({ x })).norm)).toEqual([Number.NaN]);
    program.dispose();
  });

  test('leaves nothing behind', async () => {
    const before = tf.memory().numTensors;
    const { predict, train, program, state } = scaling(false);
    await predict({ x });
    await train({ x });
    await predict({ x });
    program.dispose();
    state.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
