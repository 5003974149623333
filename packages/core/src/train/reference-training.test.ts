/** Compares training steps with PyTorch's from the same weights on one fixed batch: losses and final weights. */

import { minimise } from '../../test/minimise';
import { type ReferenceValues, referenceFile, referencePath } from '../../test/reference-cases';
import { termsOf } from '../../test/terms-of';
import { methods } from '../distill/registry';
import { buildNetwork, type Network } from '../nn/network';
import { permuted, toTorch } from '../nn/torch-layout';
import { randomKey } from '../runtime/ops/random';
import { Program } from '../runtime/program';
import { type NamedValues, State } from '../runtime/state';
import { type Tensor1D, type Tensor4D, tf } from '../runtime/tensorflow';
import { stepContext, studentForward, teacherForward } from './forward';
import { readNetwork } from './networks/load-network';
import { sgd } from './optimiser/optimiser';

interface Statistics {
  readonly sum: number;
  readonly abs_sum: number;
  readonly l2: number;
  readonly first4: readonly number[];
}

interface TrainingCase {
  readonly id: string;
  readonly hyper: Readonly<Record<string, number | boolean>>;
  readonly student: string;
  readonly distill?: string;
  readonly frozen_head_from?: string;
  readonly teacher?: string;
  readonly lr_per_step: readonly number[];
  readonly expected_f64: {
    readonly loss: readonly number[];
    readonly components?: readonly Readonly<Record<string, number>>[];
    readonly after: Readonly<Record<string, Statistics>>;
    readonly eval_logits_after: Statistics;
    readonly eval_teacher_head_logits_after?: Statistics;
  };
}

interface Cases {
  readonly batch: ReferenceValues;
  readonly labels: readonly number[];
  readonly cases: readonly TrainingCase[];
}

const reference = referenceFile<Cases>('optim.json');

// The reference's batch is already normalised; networks here normalise pixels themselves.
const pixels = permuted(
  { shape: reference.batch.shape, values: Float32Array.from(reference.batch.data) },
  [0, 2, 3, 1],
).values.map((value) => value * 127.5 + 127.5);
const labels = Int32Array.from(reference.labels);
const [images = 0, , height = 0, width = 0] = reference.batch.shape;
const shape = [images, height, width, 3] as const;

/** Builds the network of a reference file; `source` may add a note: `resnet20_ckpt.pth (eval mode, no gradient)`. */
function build(state: State, root: string, source: string): Network {
  const file = fileOf(source);
  const { tensors, description } = readNetwork(file);
  const { normalisation: _, ...symmetric } = description;
  const network = buildNetwork(state, root, symmetric, undefined);
  network.load(tensors, file);
  return network;
}

const fileOf = (source: string): string => referencePath(source.split(' ')[0] ?? '');

const headOf = (source: string): [string, NamedValues][] =>
  [...readNetwork(fileOf(source)).tensors].filter(([name]) => name.startsWith('head.'));

function setUp(one: TrainingCase, eager: boolean) {
  const { distill, hyper, frozen_head_from: frozenHead, teacher: teacherFile } = one;
  const state = new State();
  const program = new Program(state, { eager });
  const student = build(state, 'student', one.student);
  const teacher = teacherFile ? build(state, 'teacher', teacherFile) : undefined;
  const head = frozenHead ?? (hyper.do_init_s_from_th === true ? teacherFile : undefined);
  if (head) student.load(new Map([...student.weights(), ...headOf(head)]), head);
  const learned = student
    .variables()
    .filter(({ kind, name: variable }) => kind === 'trainable' && !(frozenHead && variable.includes('/head.')));
  const { momentum, weight_decay: weightDecay } = hyper as Record<string, number>;
  const optimiser = sgd(state, learned, { momentum, weightDecay });
  const method = methods.named(distill ?? 'none');
  const { gamma = 1, alpha = 0, beta = 0, delta = 0, kd_T: temperature = 4 } = hyper as Record<string, number>;
  const inputs = {
    pixels: { dtype: 'float32', shape },
    labels: { dtype: 'int32', shape: [images] },
    learningRate: { dtype: 'float32', shape: [] },
  } as const;
  const step = program.define('train', inputs, (given) => {
    const batch = {
      pixels: given.pixels as Tensor4D,
      labels: given.labels as Tensor1D,
      indices: tf.zerosLike(given.labels) as Tensor1D,
      random: randomKey(tf.tensor1d([0, 0], 'int32')),
    };
    const settings = { gamma, alpha, beta, delta, temperature };
    const teacherOutput = teacher && teacherForward(teacher, batch, new Set());
    return minimise(optimiser, given.learningRate, () => {
      const output = { student: studentForward(student, batch, 'train', new Set()), teacher: teacherOutput };
      return termsOf(method, stepContext({ student, teacher }, batch, output), settings);
    });
  });
  const predict = program.define('predict', { pixels: inputs.pixels }, (given) => {
    const { embedding } = student.embed(given.pixels as Tensor4D, 'eval');
    return { logits: student.head.logits(embedding), throughTeacher: (teacher ?? student).head.logits(embedding) };
  });
  return { state, program, student, step, predict };
}

/**
 * Compares, in the reference's layout, the sum relative to `abs_sum`, the l2 norm, and the first four values relative
 * to the root mean square.
 */
function expectStatistics(name: string, weight: NamedValues, expected: Statistics): void {
  const values = Float64Array.from(toTorch(weight).values);
  const sum = values.reduce((a, b) => a + b, 0);
  const l2 = Math.sqrt(values.reduce((a, b) => a + b * b, 0));
  const rms = expected.l2 / Math.sqrt(values.length);
  const first = expected.first4.map((value, i) => Math.abs(value - (values[i] ?? Number.NaN)) / rms);
  const errors = [Math.abs(sum - expected.sum) / expected.abs_sum, Math.abs(l2 / expected.l2 - 1)];
  expect({ name, out: errors.filter((error) => !(error < 1e-4)) }).toEqual({ name, out: [] });
  expect({ name, out: first.filter((error) => !(error < 1e-3)) }).toEqual({ name, out: [] });
}

/** Our terms under the reference's names; kd_term is its L_rep. */
function componentsOf(term: (name: string) => number, { beta = 1, delta = 0 }: Readonly<Record<string, number>>) {
  const [l2e, head] = [term('l2e'), term('th-kd')];
  const both = l2e + (delta / beta) * head;
  return {
    ce: term('ce'),
    kl: term('kd'),
    kde: l2e,
    kdth: head,
    kd_term: !Number.isNaN(both) ? both : Number.isNaN(l2e) ? head : l2e,
  };
}

const expectClose = (actual: number, expected: number) =>
  expect(Math.abs(actual - expected)).toBeLessThan(1e-4 * Math.max(1e-3, Math.abs(expected)));

const firstOfKind = [true, false].map((taught) =>
  reference.cases.find(({ teacher }) => (teacher !== undefined) === taught),
);

describe.each(reference.cases.map((one) => [one.id, one] as const))('%s', (_, one) => {
  // Eager steps are slower, so only two cases run them too: the first of each kind.
  const eager = firstOfKind.includes(one);
  test.each(eager ? ['compiled', 'eager'] : ['compiled'])('%s', async (how) => {
    const { state, program, student, step, predict } = setUp(one, how === 'eager');
    const { loss, components, after, eval_logits_after: evaluated } = one.expected_f64;
    const { eval_teacher_head_logits_after: teacherHeadLogits } = one.expected_f64;
    for (const [i, learningRate] of one.lr_per_step.entries()) {
      const outputs = await step({ pixels, labels, learningRate });
      const term = (name: string) => outputs[name]?.[0] ?? Number.NaN;
      expectClose(term('loss'), loss[i] ?? Number.NaN);
      const ours: Readonly<Record<string, number>> = componentsOf(term, one.hyper as Record<string, number>);
      for (const [name, value] of Object.entries(components?.[i] ?? {})) {
        expectClose(ours[name] ?? Number.NaN, value);
      }
    }
    const { logits, throughTeacher } = await predict({ pixels });
    program.pull();
    const weights = student.weights();
    for (const [name, expected] of Object.entries(after)) {
      const weight = weights.get(name.replace(/^fc\./, 'head.'));
      if (weight) expectStatistics(name, weight, expected);
      else expect(name).toContain('num_batches_tracked');
    }
    expectStatistics('logits', { shape: [logits.length], values: logits }, evaluated);
    if (teacherHeadLogits)
      expectStatistics(
        "logits of the teacher's head",
        { shape: [logits.length], values: throughTeacher },
        teacherHeadLogits,
      );
    program.dispose();
    state.dispose();
  });
});
