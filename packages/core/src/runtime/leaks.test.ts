/** What is left behind by a thousand steps, and by steps that fail: nothing. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { backend } from './binding';
import { batchNormTraining } from './ops/batch-norm';
import { crossEntropy } from './ops/cross-entropy';
import { dropout, randomKey } from './ops/random';
import { Program } from './program';
import { recompute } from './recompute';
import { State } from './state';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from './tensorflow';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Tensors of tfjs, tensors of TensorFlow, and resident megabytes. */
function held() {
  collectGarbage();
  const { numTensors } = tf.memory();
  return {
    tensors: numTensors,
    handles: backend().binding.getNumOfTensors(),
    resident: process.memoryUsage().rss / 2 ** 20,
  };
}

// Inputs of a quarter megabyte: a thousand that are not freed show, whatever jest and V8 grow by meanwhile.
const slack = 64;
const batch = {
  x: { dtype: 'float32', shape: [64, 1024] },
  labels: { dtype: 'int32', shape: [64] },
  random: { dtype: 'int32', shape: [2] },
} as const;
const x = Float32Array.from({ length: 64 * 1024 }, (_, i) => Math.sin(i));
const labels = Int32Array.from({ length: 64 }, (_, i) => i % 10);

function training() {
  const state = new State();
  const declare = (name: string, shape: readonly number[], value: number) =>
    state.declare(name, 'trainable', shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value));
  const weights = declare('weights', [1024, 10], 0.01) as Tensor as Tensor2D;
  const norm = {
    gamma: declare('gamma', [1024], 1),
    beta: declare('beta', [1024], 0),
    mean: state.declare('mean', 'statistic', [1024], new Float32Array(1024)),
    variance: state.declare('variance', 'statistic', [1024], new Float32Array(1024).fill(1)),
  };
  const program = new Program(state);
  const variables = state.all('trainable').map(({ variable }) => variable);
  const block = recompute((given: Tensor2D) => tf.tanh(batchNormTraining(given, norm)));
  const step = program.define('train', batch, (inputs) => {
    const { value, grads } = tf.variableGrads(() => {
      const hidden = dropout(block(inputs.x as Tensor2D), 0.1, randomKey(inputs.random));
      return crossEntropy(tf.matMul(hidden, weights), inputs.labels as Tensor1D);
    }, variables);
    for (const variable of variables) variable.assign(tf.sub(variable, tf.mul(grads[variable.name] as Tensor, 0.1)));
    return { loss: value, weights };
  });
  return { program, state, step };
}

test('a thousand steps', async () => {
  const { step, program } = training();
  const run = async (from: number, to: number) => {
    for (let i = from; i < to; i++) await step({ x, labels, random: Int32Array.of(1, i) });
  };
  await run(0, 100);
  program.pull();
  const before = held();
  await run(100, 1100);
  program.pull();
  const after = held();
  expect([after.tensors, after.handles]).toEqual([before.tensors, before.handles]);
  expect(after.resident - before.resident).toBeLessThan(slack);
});

test('five hundred steps that fail, of wrong inputs and in an operation', async () => {
  const { step } = training();
  const random = Int32Array.of(1, 0);
  const run = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await expect(step({ x, labels: labels.subarray(1), random })).rejects.toThrow('the input labels must be');
      await expect(step({ x, labels: new Int32Array(64).fill(99), random })).rejects.toThrow('label value of 99');
    }
  };
  await step({ x, labels, random });
  await run(50);
  const before = held();
  await run(250);
  const after = held();
  expect([after.tensors, after.handles]).toEqual([before.tensors, before.handles]);
  expect(after.resident - before.resident).toBeLessThan(slack);
  const { loss } = await step({ x, labels, random });
  expect(loss[0]).toBeGreaterThan(0);
});

test.each([
  ['compiled', false],
  ['eager', true],
])('a step that throws midway, %s', async (_, eager) => {
  const state = new State();
  const w = state.declare('w', 'trainable', [2], Float32Array.of(1, 2));
  const program = new Program(state, { eager });
  const failing = program.define('failing', { x: { dtype: 'float32', shape: [2] } }, (inputs) => {
    tf.keep(tf.square(inputs.x));
    w.assign(tf.mul(w, inputs.x));
    tf.variableGrads(() => {
      // Saved for a gradient that is never taken.
      tf.keep(tf.exp(tf.sin(w)));
      throw new Error('midway');
    }, [w]);
    return { w };
  });
  const values = { x: Float32Array.of(1, 1) };
  await expect(failing(values)).rejects.toThrow('midway');
  const before = held();
  for (let i = 0; i < 20; i++) await expect(failing(values)).rejects.toThrow('midway');
  const after = held();
  expect([after.tensors, after.handles]).toEqual([before.tensors, before.handles]);
  expect(Array.from(w.dataSync())).toEqual([1, 2]);
});

test('programs that come and go', async () => {
  const comeAndGo = async () => {
    const { program, state, step } = training();
    await step({ x, labels, random: Int32Array.of(1, 0) });
    program.dispose();
    state.dispose();
  };
  await comeAndGo();
  const before = held();
  for (let i = 0; i < 5; i++) await comeAndGo();
  const after = held();
  expect([after.tensors, after.handles]).toEqual([before.tensors, before.handles]);
});

test('the copies of the state that disposed programs had', async () => {
  const state = new State();
  // 16 MB.
  const large = state.declare('large', 'slot', [4, 2 ** 20], new Float32Array(2 ** 22));
  const comeAndGo = async () => {
    const program = new Program(state);
    const step = program.define('step', {}, () => {
      large.assign(tf.add(large, 1));
      return { first: tf.slice(large, [0, 0], [1, 1]) };
    });
    await step({});
    program.dispose();
  };
  for (let i = 0; i < 3; i++) await comeAndGo();
  const before = held();
  for (let i = 0; i < 16; i++) await comeAndGo();
  expect(held().resident - before.resident).toBeLessThan(slack);
  state.dispose();
});
