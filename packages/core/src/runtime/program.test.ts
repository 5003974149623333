import { Program } from './program';
import { State } from './state';
import { tf } from './tensorflow';

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

test('a compiled step gives what the eager step gives, and its state moves on', async () => {
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

test.each([
  ['reads values', 'reads a tensor', () => ({ y: tf.scalar(tf.add(tf.ones([2]), 1).dataSync()[0] ?? 0) })],
  ['returns integers', 'not float32', () => ({ y: tf.scalar(1, 'int32') })],
])('a step that %s is refused', async (_, message, step) => {
  const program = new Program(new State());
  await expect(program.define('bad', {}, step)({})).rejects.toThrow(message);
});

test('a step that uses a tensor from outside is refused', async () => {
  const outside = tf.ones([2]).add(1);
  const program = new Program(new State());
  await expect(program.define('bad', {}, () => ({ y: tf.square(outside) }))({})).rejects.toThrow(
    'The operation Square uses a tensor that was made outside the step',
  );
});

test('wrong inputs are named', async () => {
  const { predict } = fitting(false);
  await expect(predict({ x: new Uint8Array(3) })).rejects.toThrow(
    'predict: the input x must be a Uint8Array of 12 values ([4,3]), got Uint8Array of 3.',
  );
});

test('nothing leaks', async () => {
  const { train, program } = fitting(false);
  await train({ x, learningRate: 0.1 });
  const before = tf.memory().numTensors;
  for (let i = 0; i < 50; i++) await train({ x, learningRate: 0.1 });
  program.pull();
  expect(tf.memory().numTensors).toBe(before);
});
