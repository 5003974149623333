/** Properties of all losses. ../reference-losses.test.ts compares their values with the reference's. */

import { float64GradientErrors } from '../../../test/float64-gradient-check';
import { leaked, randomValues } from '../../../test/gradient-check';
import { distillationDivergence } from '../../runtime/ops/cross-entropy';
import { Program } from '../../runtime/program';
import { State } from '../../runtime/state';
import { type Scalar, scoped, type Tensor, type Tensor2D, type Tensor4D, tf } from '../../runtime/tensorflow';
import { activationBoundaryLosses } from './activation-boundary';
import { attentionLoss } from './attention';
import { contrastLoss, contrastProbabilities, contrastScores } from './contrast';
import { correlationLoss } from './correlation-congruence';
import { decoupledTerms } from './decoupled';
import { embeddingDistance, matchSizes, meanSquaredDifference, probabilityDistance } from './differences';
import { distLoss } from './dist';
import { factorLoss } from './factor-transfer';
import { neuronSelectivityLoss } from './neuron-selectivity';
import { probabilisticLoss } from './probabilistic';
import { relationalTerms } from './relational';
import { similarityLoss } from './similarity';
import { singularVectorLosses } from './singular-vectors';
import { solutionFlowLosses } from './solution-flow';
import { variationalLoss } from './variational';

type Loss = (student: Tensor4D, teacher: Tensor4D) => Scalar;

const shape = [4, 4, 4, 3] as const;
const rows = (x: Tensor4D) => tf.reshape(x, [x.shape[0], -1]) as Tensor2D;
/** Two feature maps: the given one, and its upper left quarter. */
const twoMaps = (x: Tensor4D) => [x, tf.slice(x, [0, 0, 0, 0], [x.shape[0], 2, 2, 3]) as Tensor4D];
const total = (terms: readonly Scalar[]) => tf.addN([...terms]).asScalar();
const labels = () => tf.tensor1d([0, 5, 7, 1], 'int32');
const logScale = () => tf.tensor1d([0, 1, -1]);

/** Losses that are 0 if the student's values equal the teacher's. */
const vanishing: Record<string, Loss> = {
  meanSquaredDifference,
  attentionLoss,
  'attentionLoss, p 3': (s, t) => attentionLoss(s, t, 3),
  'factorLoss, p2 1': (s, t) => factorLoss(s, t),
  'factorLoss, p2 2': (s, t) => factorLoss(s, t, { p2: 2 }),
  similarityLoss,
  neuronSelectivityLoss,
  solutionFlowLosses: (s, t) => total(solutionFlowLosses(twoMaps(s), twoMaps(t))),
  singularVectorLosses: (s, t) => total(singularVectorLosses(twoMaps(s), twoMaps(t))),
  relationalTerms: (s, t) => {
    const { distance, angle } = relationalTerms(s, t);
    return tf.add(tf.mul(distance, 25), tf.mul(angle, 50)).asScalar();
  },
  correlationLoss: (s, t) => correlationLoss(rows(s), rows(t)),
  probabilisticLoss: (s, t) => probabilisticLoss(rows(s), rows(t)),
  probabilityDistance: (s, t) => probabilityDistance(rows(s), rows(t)),
  embeddingDistance: (s, t) => embeddingDistance(rows(s), rows(t)),
  distillationDivergence: (s, t) => distillationDivergence(rows(s), rows(t), 4),
  decoupledTerms: (s, t) => {
    const { target, others } = decoupledTerms(rows(s), rows(t), labels());
    return tf.add(target, tf.mul(others, 8)).asScalar();
  },
  distLoss: (s, t) => distLoss(rows(s), rows(t)),
};

const losses: Record<string, Loss> = {
  ...vanishing,
  activationBoundaryLosses: (s, t) => total(activationBoundaryLosses(twoMaps(s), twoMaps(t))),
  variationalLoss: (s, t) => variationalLoss(s, t, logScale()),
  contrastLoss: (s, t) => {
    const memory = tf.reshape(t, [4, 16, 3]);
    const embedding = tf.slice(tf.reshape(s, [64, 3]), [0, 0], [4, 3]);
    const products = tf.squeeze(tf.matMul(memory, tf.expandDims(embedding, 2)), [2]) as Tensor2D;
    const { probabilities } = contrastProbabilities(contrastScores(products, 1), tf.scalar(90), 50);
    return contrastLoss(probabilities, 50);
  },
};

const student = randomValues('student', shape) as Tensor4D;
const teacher = randomValues('teacher', shape) as Tensor4D;
const gradient = (loss: Loss, at: Tensor4D) => tf.grad((x: Tensor) => loss(x as Tensor4D, teacher))(at);

test.each(Object.entries(vanishing))('%s is 0 if the student equals the teacher, else positive', (_, loss) => {
  scoped(() => {
    expect(Math.abs(loss(teacher, teacher).dataSync()[0] ?? Number.NaN)).toBeLessThan(1e-6);
    expect(loss(student, teacher).dataSync()[0]).toBeGreaterThan(1e-6);
  });
});

test.each(Object.entries(losses))(
  '%s has finite gradients at zeros, and if student and teacher are equal',
  (_, loss) => {
    scoped(() => {
      for (const at of [tf.zeros([...shape]) as Tensor4D, teacher]) {
        expect(Array.from(gradient(loss, at).dataSync()).filter((value) => !Number.isFinite(value))).toEqual([]);
      }
    });
  },
);

// Finite differences are wrong across a kink of the smooth L1 loss or of a margin; these values avoid the kinks.
test.each(Object.entries(losses))(
  "%s's gradient equals finite differences, and no tensor is leaked",
  async (_, loss) => {
    const op = (x: Tensor) => loss(x as Tensor4D, teacher);
    const [error] = await float64GradientErrors(op, [student], [teacher]);
    expect(error).toBeLessThan(5e-5);
    expect(leaked(() => gradient(loss, student))).toBe(0);
  },
);

test('a compiled step computes the same values', async () => {
  const state = new State();
  const x = state.declare('x', 'trainable', shape, student.dataSync() as Float32Array);
  const program = new Program(state);
  for (const [name, loss] of Object.entries(losses)) {
    const step = program.define(name, { t: { dtype: 'float32', shape: [...shape] } }, ({ t }) => {
      const { value, grads } = tf.variableGrads(() => loss(x as Tensor as Tensor4D, t as Tensor as Tensor4D), [x]);
      return { value, gradient: grads[x.name] as Tensor };
    });
    const compiled = await step({ t: teacher.dataSync() as Float32Array });
    const eager = scoped(() => ({
      value: loss(student, teacher).dataSync(),
      gradient: gradient(loss, student).dataSync(),
    }));
    const largest = Math.max(...eager.gradient.map(Math.abs));
    expect([name, compiled.value[0]]).toEqual([name, expect.closeTo(eager.value[0] as number, 4)]);
    const error = Math.max(...eager.gradient.map((one, i) => Math.abs(one - (compiled.gradient[i] ?? Number.NaN))));
    expect([name, error / largest < 1e-4]).toEqual([name, true]);
  }
  program.dispose();
  state.dispose();
});

test.each([
  [
    [8, 6],
    [4, 3],
    [4, 3],
  ],
  [
    [4, 3],
    [8, 6],
    [4, 3],
  ],
  [
    [4, 6],
    [4, 3],
    [4, 3],
  ],
  [
    [8, 3],
    [4, 6],
    [4, 3],
  ],
  [
    [7, 5],
    [4, 3],
    [4, 3],
  ],
  [
    [4, 3],
    [4, 3],
    [4, 3],
  ],
] as const)('maps of %p and %p are compared at %p', (ours, theirs, wanted) => {
  const map = ([height, width]: readonly [number, number]) => tf.ones([2, height, width, 3]) as Tensor4D;
  for (const matched of matchSizes(map(ours), map(theirs))) {
    expect(matched.shape).toEqual([2, ...wanted, 3]);
    for (const value of matched.dataSync()) expect(value).toBeCloseTo(1, 6);
  }
});

test('FSP refuses networks with different channels', () => {
  const map = (channels: number) => tf.zeros([1, 2, 2, channels]) as Tensor4D;
  expect(() => solutionFlowLosses([map(2), map(3)], [map(2), map(4)])).toThrow(
    'the teacher has 2, 4, the student 2, 3',
  );
});

test('the first batch sets the negative normaliser, and no gradient passes through it', () => {
  scoped(() => {
    const products = tf.tensor2d([[Math.log(2), Math.log(4)]]);
    const run = (z: number, of = products) => contrastProbabilities(contrastScores(of, 1), tf.scalar(z), 10);
    expect(run(-1).normaliser.dataSync()[0]).toBeCloseTo(30, 4);
    expect(Array.from(run(-1).probabilities.dataSync())).toEqual([2 / 30, 4 / 30].map((p) => expect.closeTo(p, 5)));
    expect(Array.from(run(5).probabilities.dataSync())).toEqual([2 / 5, 4 / 5].map((p) => expect.closeTo(p, 5)));
    const slopes = tf
      .grad((x) => tf.sum(run(-1, x as Tensor2D).probabilities))(products)
      .dataSync();
    expect(Array.from(slopes)).toEqual([2 / 30, 4 / 30].map((p) => expect.closeTo(p, 5)));
  });
});
