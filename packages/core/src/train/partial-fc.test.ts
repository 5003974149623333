/** Training that samples some classes in each step: which weights move, and equal bits compiled, eager and resumed. */
import { join } from 'node:path';
import { minimise } from '../../test/minimise';
import {
  removeTemporaryFolders,
  stopTiny,
  tinyMethod,
  tinyNetwork,
  tinyTask,
  trainTiny,
} from '../../test/tiny-training';
import { heads } from '../nn/registry';
import { Scope } from '../nn/scope';
import { compileStep } from '../runtime/compile/compile';
import type { StepInputs } from '../runtime/compile/step-inputs';
import { crossEntropy } from '../runtime/ops/cross-entropy';
import { State } from '../runtime/state';
import { scoped, type Tensor1D, type Tensor2D, tf } from '../runtime/tensorflow';
import { checkpointFiles, readCheckpoint } from './checkpoint';
import { sgd } from './optimiser/optimiser';

afterAll(removeTemporaryFolders);

const [inputs, classes] = [5, 12];
const sample = Int32Array.of(7, 2, 11, 0);
const labels = Int32Array.of(1, 0, 1);
const embedding = () =>
  tf.tensor2d(
    Float32Array.from({ length: 15 }, (_, i) => Math.sin(i)),
    [3, inputs],
  );

/** Makes one step over the sampled classes of a head whose weights and momenta vary. */
function stepped(name: string, options: { clipNorm?: number } = {}) {
  const state = new State();
  const head = heads.named(name).build(Scope.root(state, 'net', 1).child('head'), { inputs, classes, classRows: true });
  const variables = state.all('trainable');
  const optimiser = sgd(state, variables, { momentum: 0.9, weightDecay: 0.1, ...options });
  const momenta = { shape: [inputs, classes], values: Float32Array.from({ length: 60 }, (_, i) => Math.cos(i)) };
  state.load(new Map([['momentum/net/head.weight', momenta]]), 'here', ({ kind }) => kind === 'slot');
  const before = state.values();
  const reported = scoped(() => {
    const sampled = head.sampled?.(tf.tensor1d(sample, 'int32'));
    if (!sampled) throw new Error('It cannot be sampled.');
    const targets = tf.tensor1d(labels, 'int32') as Tensor1D;
    const ce = () => crossEntropy(sampled.trainingLogits(embedding(), targets), targets);
    const rows = [{ name: 'net/head.weight', indices: sampled.sample, rows: sampled.rows }];
    const values = minimise(optimiser, tf.scalar(0.5), () => ({ ce: { weight: 1, value: ce() } }), rows);
    return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value.dataSync()[0] ?? 0]));
  });
  return { before, after: state.values(), reported };
}

/** The columns of a matrix [inputs, classes] that belong to the sampled classes. */
const columns = (values: Float32Array) =>
  Array.from({ length: inputs }, (_, i) => Array.from(sample, (c) => values[i * classes + c] ?? 0)).flat();

describe.each(['arcface', 'arcface-exact', 'cosface', 'linear-no-bias'])('a sampled step of %s', (name) => {
  test('equals a dense step of a head with only these classes; other classes keep their bits', () => {
    const { before, after, reported } = stepped(name, { clipNorm: 0.5 });
    const state = new State();
    const small = heads
      .named(name)
      .build(Scope.root(state, 'net', 1).child('head'), { inputs, classes: sample.length });
    const optimiser = sgd(state, state.all('trainable'), { momentum: 0.9, weightDecay: 0.1, clipNorm: 0.5 });
    const names = ['net/head.weight', 'momentum/net/head.weight'];
    const valuesBefore = (key: string) => before.get(key)?.values ?? new Float32Array();
    state.load(
      new Map(names.map((key) => [key, { shape: [inputs, 4], values: Float32Array.from(columns(valuesBefore(key))) }])),
      'here',
    );
    const dense = scoped(() => {
      const targets = tf.tensor1d(labels, 'int32') as Tensor1D;
      const ce = () => crossEntropy(small.trainingLogits(embedding(), targets), targets);
      const values = minimise(optimiser, tf.scalar(0.5), () => ({ ce: { weight: 1, value: ce() } }));
      return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value.dataSync()[0] ?? 0]));
    });
    for (const [key, value] of Object.entries(dense))
      expect(Math.abs((reported[key] ?? 0) / value - 1)).toBeLessThan(1e-6);
    expect(reported.gradient_norm).toBeGreaterThan(0.5);
    for (const key of names) {
      const now = after.get(key)?.values ?? new Float32Array();
      const expected = [...(state.values().get(key)?.values ?? [])];
      for (const [i, value] of columns(now).entries()) expect(value).toBeCloseTo(expected[i] ?? 0, 5);
      const others = (_: number, i: number) => !sample.includes(i % classes);
      expect(now.filter(others)).toEqual(valuesBefore(key).filter(others));
      expect(now.filter((_, i) => sample.includes(i % classes))).not.toEqual(
        valuesBefore(key).filter((_, i) => sample.includes(i % classes)),
      );
    }
  });
});

test('a head stored by rows starts with the same weights and gives the same logits', () => {
  for (const name of ['arcface', 'linear']) {
    const of = (classRows: boolean) => {
      const state = new State();
      const head = heads.named(name).build(Scope.root(state, 'net', 1), { inputs, classes, classRows });
      return { values: state.values(), logits: head.logits(embedding()).arraySync() as number[][], head };
    };
    const [columnsFirst, rowsFirst] = [of(false), of(true)];
    expect(rowsFirst.values).toEqual(columnsFirst.values);
    for (const [i, row] of rowsFirst.logits.entries()) {
      for (const [j, value] of row.entries()) expect(value).toBeCloseTo(columnsFirst.logits[i]?.[j] ?? 0, 4);
    }
    const sampled = rowsFirst.head.sampled?.(tf.tensor1d(sample, 'int32') as Tensor1D);
    const some = (sampled?.logits(embedding()).arraySync() ?? []) as number[][];
    expect(some).toHaveLength(3);
    for (const [i, row] of some.entries()) {
      for (const [j, value] of row.entries()) expect(value).toBeCloseTo(rowsFirst.logits[i]?.[sample[j] ?? 0] ?? 0, 4);
    }
  }
});

test('a compiled step reads and writes only rows of the head and its momentum, in place', () => {
  const state = new State();
  const head = heads
    .named('arcface')
    .build(Scope.root(state, 'net', 1).child('head'), { inputs, classes, classRows: true });
  const optimiser = sgd(state, state.all('trainable'), { momentum: 0.9, weightDecay: 0.1, clipNorm: 1 });
  const specs = {
    z: { dtype: 'float32', shape: [3, inputs] },
    sample: { dtype: 'int32', shape: [4] },
    targets: { dtype: 'int32', shape: [3] },
  } as const;
  const step = ({ z, sample: sampledClasses, targets }: StepInputs<typeof specs>) => {
    const sampled = head.sampled?.(sampledClasses as Tensor1D);
    if (!sampled) throw new Error('It cannot be sampled.');
    const ce = () => crossEntropy(sampled.trainingLogits(z as Tensor2D, targets as Tensor1D), targets as Tensor1D);
    const rows = [{ name: 'net/head.weight', indices: sampled.sample, rows: sampled.rows }];
    return minimise(optimiser, tf.scalar(0.1), () => ({ ce: { weight: 1, value: ce() } }), rows);
  };
  const { nodes } = compileStep('train', specs, step, state, () => []);
  const ops = nodes.map(({ op }) => op);
  expect(ops.filter((op) => /Variable/.test(op))).toEqual([]);
  expect(ops.filter((op) => op === 'ResourceScatterNdUpdate')).toHaveLength(2);
  state.dispose();
});

describe('a training with a tenth of the classes', () => {
  const many = 60;
  const options = {
    task: tinyTask(40, many),
    network: { ...tinyNetwork(0.25, many), head: 'arcface', scale: 8 },
    classShare: 0.1,
    settings: { epochs: 2 },
  };
  const stateOf = (folder: string) => readCheckpoint(join(folder, checkpointFiles.training)).tensors;

  test('gives the same bits compiled and eager, over 20 steps', async () => {
    const compiled = await trainTiny(options);
    const eager = await trainTiny({ ...options, eager: true });
    expect(compiled.tracked.filter(({ values }) => 'step/loss' in values)).toHaveLength(20);
    expect(compiled.tracked).toEqual(eager.tracked);
    expect(stateOf(compiled.folder)).toEqual(stateOf(eager.folder));
  });

  test('resumes to the same bits', async () => {
    const whole = await trainTiny(options);
    const folder = await stopTiny(13, options);
    await trainTiny({ ...options, folder });
    expect(stateOf(folder)).toEqual(stateOf(whole.folder));
  });

  test('works with a teacher, whose head is sampled too, and with a frozen head', async () => {
    const teacher = await trainTiny({
      ...options,
      role: 'teacher',
      network: { ...tinyNetwork(0.5, many), head: 'linear' },
      classShare: 1,
    });
    const from = join(teacher.folder, checkpointFiles.last);
    const distillation = { teacher: from, method: tinyMethod('th-kd') };
    const run = { ...options, settings: { epochs: 1 }, distillation };
    const compiled = await trainTiny(run);
    expect(compiled.tracked).toEqual((await trainTiny({ ...run, eager: true })).tracked);
    expect(compiled.tracked[0]?.values['step/th-kd']).toBeGreaterThan(0);

    const sharedHead = { from, use: 'frozen' } as const;
    const frozen = await trainTiny({ ...options, role: 'teacher', sharedHead, settings: { epochs: 1 } });
    const head = (file: string) => readCheckpoint(file).tensors.get('head.weight');
    expect(head(join(frozen.folder, checkpointFiles.last))).toEqual(head(from));
  });

  test.each(['proxyless', 'margin-distillation'])("works with %s and a teacher's class centres", async (name) => {
    const network = { ...tinyNetwork(0.5, many), head: 'adaface', scale: 8 };
    const teacher = await trainTiny({ ...options, role: 'teacher', network, settings: { epochs: 1 } });
    const distillation = { teacher: join(teacher.folder, checkpointFiles.last), method: tinyMethod(name) };
    for (const classShare of [1, 0.1]) {
      const run = { ...options, classShare, settings: { epochs: 1 }, distillation };
      const compiled = await trainTiny(run);
      expect(compiled.tracked).toEqual((await trainTiny({ ...run, eager: true })).tracked);
      const centres = (folder: string) => readCheckpoint(join(folder, checkpointFiles.last)).tensors.get('head.weight');
      expect(centres(compiled.folder)).toEqual(centres(teacher.folder));
    }
  });

  test('refuses a head that learns biases', async () => {
    const network = { ...options.network, head: 'linear' };
    await expect(trainTiny({ ...options, network })).rejects.toThrow('linear has a bias');
  });
});
