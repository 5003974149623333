import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { runInNewContext } from 'node:vm';
import { crossEntropy } from './ops/cross-entropy';
import { Program } from './program';
import { State } from './state';
import { type Tensor, type Tensor1D, tf } from './tensorflow';

const batch = { x: { dtype: 'uint8', shape: [4, 3] }, learningRate: { dtype: 'float32', shape: [] } } as const;

/** Fits w so that mean(x w) nears 1: reads and updates its state like a training step. */
function fitting(eager: boolean) {
  const state = new State();
  const w = state.declare('w', 'trainable', [3, 1], Float32Array.of(0.1, -0.2, 0.3));
  const program = new Program(state, { eager });
  const train = program.define('train', batch, ({ x, learningRate }) => {
    const { value, grads } = tf.variableGrads(
      () => tf.mean(tf.square(tf.sub(tf.matMul(tf.mul(x, 0.01), w), 1))).asScalar(),
      [w],
    );
    const gradient = grads[w.name];
    if (gradient) w.assign(tf.sub(w, tf.mul(gradient, learningRate)));
    return { loss: value };
  });
  const predict = program.define('predict', { x: batch.x }, ({ x }) => ({ y: tf.matMul(x, w) }));
  return { state, program, train, predict, w };
}

const x = Uint8Array.from({ length: 12 }, (_, i) => (i * 37) % 256);

test("a compiled step gives the eager step's results, and its state moves on", async () => {
  const eager = fitting(true);
  const compiled = fitting(false);
  const losses: number[][] = [[], []];
  for (let step = 0; step < 5; step++) {
    const values = { x, learningRate: 0.1 / (step + 1) };
    losses[0]?.push((await eager.train(values)).loss[0] ?? Number.NaN);
    losses[1]?.push((await compiled.train(values)).loss[0] ?? Number.NaN);
  }
  expect(losses[1]).toEqual(losses[0]);
  expect(new Set(losses[0]).size).toBe(5);
  compiled.program.pull();
  expect(compiled.state.values()).toEqual(eager.state.values());
});

test('steps of one program share the state, and eager values can be pushed', async () => {
  const { predict, train, program, w } = fitting(false);
  const before = (await predict({ x })).y;
  await train({ x, learningRate: 0.1 });
  expect((await predict({ x })).y).not.toEqual(before);
  w.assign(tf.tensor2d([[0], [0], [1]]));
  program.push();
  expect(Array.from((await predict({ x })).y)).toEqual([74, 185, 40, 151]);
});

test('the event loop turns while a step runs, and one step is in flight at a time', async () => {
  const { train, predict } = fitting(false);
  await train({ x, learningRate: 0 });
  const first = train({ x, learningRate: 0 });
  await expect(predict({ x })).rejects.toThrow('predict was called while train is running');
  await first;
});

test('inputs are named that are wrong, missing or unknown', async () => {
  const { predict } = fitting(false);
  await expect(predict({ x: new Uint8Array(3) })).rejects.toThrow(
    'predict: the input x must be a Uint8Array of 12 values ([4,3]), got Uint8Array of 3.',
  );
  await expect(predict({ x: new Uint8ClampedArray(12) as unknown as Uint8Array })).rejects.toThrow(
    'got Uint8ClampedArray of 12.',
  );
  await expect(predict({} as { x: Uint8Array })).rejects.toThrow('predict needs the input x.');
  const more = { x, y: x };
  await expect(predict(more)).rejects.toThrow('predict has no input y; its inputs are x.');
});

test.each([
  ['a part of a larger array', () => Uint8Array.from([9, 9, 9, ...x, 9]).subarray(3, 15)],
  ['a Buffer', () => Buffer.from(x)],
  ['an array of another realm', () => runInNewContext('Uint8Array.from(values)', { values: [...x] }) as Uint8Array],
])('%s is taken as it is', async (_, make) => {
  const { predict } = fitting(false);
  expect(await predict({ x: make() })).toEqual(await predict({ x }));
});

test('two steps may have one name, of any characters', async () => {
  const program = new Program(new State());
  const [one, two] = [1, 2].map((value) => program.define('schön & gut', {}, () => ({ y: tf.scalar(value) })));
  expect([await one?.({}), await two?.({})]).toEqual([{ y: Float32Array.of(1) }, { y: Float32Array.of(2) }]);
});

test('numbers stand for scalars of every type, and an input may be left unused', async () => {
  const program = new Program(new State());
  const scalar = (dtype: 'uint8' | 'int32' | 'float32') => ({ dtype, shape: [] }) as const;
  const add = program.define(
    'add',
    { a: scalar('uint8'), b: scalar('int32'), c: scalar('float32'), unused: scalar('float32') },
    ({ a, b, c }) => ({ sum: tf.add(tf.add(a, tf.cast(b, 'float32')), c) }),
  );
  expect((await add({ a: 200, b: -3, c: 0.5, unused: 7 })).sum).toEqual(Float32Array.of(197.5));
});

test.each([
  ['returns integers', 'The output y of bad is not float32.', () => ({ y: tf.scalar(1, 'int32') })],
  ['returns a number', 'The output y of bad is not a tensor.', () => ({ y: 1 as unknown as Tensor })],
  ['returns nothing', 'bad returns nothing; a step needs at least one output.', () => ({})],
])('a step that %s is refused', async (_, message, step: () => Record<string, Tensor>) => {
  const program = new Program(new State());
  await expect(program.define('bad', {}, step)({})).rejects.toThrow(message);
});

test('a step that declares a variable, or gives one another shape, is refused', async () => {
  const state = new State();
  const w = state.declare('w', 'trainable', [2], Float32Array.of(1, 2));
  const program = new Program(state);
  const grow = program.define('grow', {}, () => {
    w.assign(tf.ones([3]));
    return { w };
  });
  await expect(grow({})).rejects.toThrow('shape of the new value (3) and previous value (2) must match');
  const declare = program.define('declare', {}, () => {
    state.declare('late', 'slot', [], Float32Array.of(1));
    return { y: tf.mul(w, 1) };
  });
  await expect(declare({})).rejects.toThrow(
    'declare declares the variable late in its state; declare it before the step.',
  );
  expect(Array.from(w.dataSync())).toEqual([1, 2]);
});

test('an operation that fails is told with the line it came from', async () => {
  const program = new Program(new State());
  const loss = program.define('loss', { labels: { dtype: 'int32', shape: [2] } }, ({ labels }) => ({
    loss: crossEntropy(tf.ones([2, 3]), labels as Tensor1D), // HERE
  }));
  const lines = readFileSync(__filename, 'utf8').split('\n');
  const here = `${relative(process.cwd(), __filename)}:${lines.findIndex((line) => line.endsWith('// HERE')) + 1}`;
  await expect(loss({ labels: Int32Array.of(9, 1) })).rejects.toThrow(
    `loss failed at ${here} (SparseSoftmaxCrossEntropyWithLogits_1): Received a label value of 9 which is outside the valid range of [0, 3).`,
  );
  expect((await loss({ labels: Int32Array.of(2, 1) })).loss[0]).toBeCloseTo(Math.log(3), 6);
});

test('after its disposal, a program says so', async () => {
  const { predict, program } = fitting(false);
  await predict({ x });
  program.dispose();
  program.dispose();
  await expect(predict({ x })).rejects.toThrow('predict was called after its program was disposed of.');
  expect(() => program.pull()).toThrow('pull was called after its program was disposed of.');
});

test('state is not moved under a running step, and disposal waits for it', async () => {
  const { train, predict, program } = fitting(false);
  const { y } = await predict({ x });
  const running = predict({ x });
  expect(() => program.push()).toThrow('push was called while predict is running');
  program.dispose();
  expect((await running).y).toEqual(y);
  await expect(train({ x, learningRate: 0 })).rejects.toThrow('disposed of');
});
