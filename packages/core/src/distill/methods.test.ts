/** Compares the methods' terms with the reference's values, and the paper's form with its formula. */

import { type ReferenceValues, referenceFile, relativeError, testCases } from '../../test/reference-cases';
import type { LossCase } from '../../test/reference-runners/given';
import { termsOf } from '../../test/terms-of';
import { crossEntropy, distillationDivergence } from '../runtime/ops/cross-entropy';
import { randomKey } from '../runtime/ops/random';
import { type Scalar, scoped, type Tensor, type Tensor1D, type Tensor2D, tf } from '../runtime/tensorflow';
import { embeddingDistance } from './losses/differences';
import type { ForwardOutput, MethodSettings, StepContext, Term } from './method';
import { methods } from './registry';

/** The cases used here have only numbers. */
type NumericCase = Omit<LossCase, 'hyper'> & { readonly hyper: Readonly<Record<string, number>> };

const { cases } = referenceFile<{ cases: readonly NumericCase[] }>('losses.json');
const named = (pattern: RegExp) => cases.filter(({ id }) => pattern.test(id));

const matrix = ({ shape, data }: ReferenceValues): Tensor2D => tf.tensor2d([...data], shape as [number, number]);
const input = ({ inputs, params }: LossCase, name: string): Tensor2D =>
  matrix({ ...params, ...inputs }[name] as ReferenceValues);

const output = (embedding: Tensor2D, logits: Tensor2D): ForwardOutput => ({
  features: [],
  preactivations: [],
  embedding,
  logits,
});
const none = tf.tensor1d([], 'int32');
const batch = { labels: none, columns: none, indices: none, random: randomKey(tf.tensor1d([0, 0], 'int32')) };
const total = (terms: Readonly<Record<string, Term>>): Scalar =>
  tf.addN(Object.values(terms).map(({ weight, value }) => tf.mul(value, weight))).asScalar();
const unused = (): never => {
  throw new Error('not part of this case');
};

/** Expects that `loss` and its gradients at the named inputs equal the case's values, within float32's tolerances. */
function check(one: NumericCase, names: readonly string[], loss: (...given: Tensor2D[]) => Scalar): void {
  scoped(() => {
    const given = names.map((name) => input(one, name));
    const run = tf.valueAndGrads((...tensors: Tensor[]) => loss(...(tensors as Tensor2D[])));
    const { value, grads } = run(given);
    const { loss_f64: expectedLoss, grads_f32, param_grads_f32 } = one.expected;
    expect(Math.abs((value.dataSync()[0] ?? Number.NaN) / expectedLoss - 1)).toBeLessThan(1e-5);
    for (const [i, name] of names.entries()) {
      const expected = { ...param_grads_f32, ...grads_f32 }[name] as ReferenceValues;
      const largest = Math.max(...expected.data.map(Math.abs));
      expect(relativeError((grads[i] as Tensor).dataSync(), expected)).toBeLessThan(1e-5 + 1e-7 / largest);
    }
  });
}

describe("the reference's losses", () => {
  testCases('KD', named(/^kd_/), (one) => {
    const teacher = input(one, 'y_t');
    check(one, ['y_s'], (y) => distillationDivergence(y, teacher, one.hyper.T ?? 0));
  });

  // Zero rows included.
  testCases('KDE', named(/^kde_/), (one) => {
    const teacher = input(one, 'f_t');
    check(one, ['f_s'], (f) => embeddingDistance(f, teacher));
  });

  // th-kd uses the student's embedding through the teacher's head, and nothing else.
  testCases('KDTH', named(/^kdth_/), (one) => {
    const method = methods.named('kdth');
    check(one, ['y_s_th'], (throughTeacher) => {
      const step: StepContext = {
        student: output(throughTeacher, input(one, 'y_s')),
        teacher: output(throughTeacher, input(one, 'y_t')),
        teacherHead: (z) => z,
        projected: throughTeacher,
        crossEntropy: unused,
        divergence: distillationDivergence,
        studentCrossEntropy: unused,
        ...batch,
      };
      return total(termsOf(method, step, { gamma: 0, alpha: 0, beta: 1, temperature: one.hyper.T ?? 0 }));
    });
  });

  // l2e and th-kd, weighted by beta and delta.
  testCases('KDETH', named(/^kdeth_/), (one) => {
    const method = methods.named('kdeth');
    check(one, ['y_s_th', 'f_s'], (throughTeacher, embedding) => {
      const step: StepContext = {
        student: output(embedding, input(one, 'y_s')),
        teacher: output(input(one, 'f_t'), input(one, 'y_t')),
        teacherHead: () => throughTeacher,
        projected: embedding,
        crossEntropy: unused,
        divergence: distillationDivergence,
        studentCrossEntropy: unused,
        ...batch,
      };
      return total(termsOf(method, step, { gamma: 0, alpha: 0, beta: 1, delta: one.hyper.th_weight ?? 0 }));
    });
  });

  // The whole loss, its components and the gradients of the head.
  testCases('whole loss of TH-KD', named(/^thkd_objective/), (one) => {
    const method = methods.named('l2e-th-kd');
    const { gamma = 0, alpha = 0, beta = 0, delta = 0, T: temperature = 0 } = one.hyper;
    const labels = tf.tensor1d([...(one.inputs.target?.data ?? [])], 'int32');
    const linear = (z: Tensor2D, weight: Tensor2D, bias: Tensor) =>
      tf.add(tf.matMul(z, weight, false, true), bias) as Tensor2D;
    const bias = (name: string) => tf.tensor1d([...(one.params?.[name]?.data ?? [])]);
    const components: Record<string, number> = {};
    check(one, ['f_s', 'fc.weight'], (embedding, weight) => {
      const teacherHead = (z: Tensor2D) => linear(z, input(one, 't_head.weight'), bias('t_head.bias'));
      const logits = linear(embedding, weight, bias('fc.bias'));
      const teacherEmbedding = input(one, 'f_t');
      const step: StepContext = {
        student: output(embedding, logits),
        teacher: output(teacherEmbedding, teacherHead(teacherEmbedding)),
        teacherHead,
        projected: embedding,
        crossEntropy: unused,
        divergence: distillationDivergence,
        studentCrossEntropy: () => crossEntropy(logits, labels),
        ...batch,
      };
      const terms = termsOf(method, step, { gamma, alpha, beta, delta, temperature });
      for (const [name, { value }] of Object.entries(terms)) components[name] = value.dataSync()[0] ?? Number.NaN;
      return total(terms);
    });
    const { ce, kl, kde, kdth } = one.expected.components ?? {};
    const expected = { ce, kd: kl, l2e: kde, 'th-kd': kdth };
    for (const [name, value] of Object.entries(expected))
      expect((components[name] ?? 0) / Number(value)).toBeCloseTo(1, 5);
    expect(Object.keys(components).sort()).toEqual(Object.keys(expected).sort());
  });
});

describe("the paper's form", () => {
  /** One image of class 0; the logits give class 0 the probabilities 1/2, 3/4 and 2/3. */
  const student = [[0, 0]];
  const teacher = [[Math.log(3), 0]];
  const throughTeacher = [[Math.log(2), 0]];
  const labels = tf.tensor1d([0], 'int32');

  function termsIn(name: string, settings: Partial<MethodSettings>) {
    const method = methods.named(name);
    const ce = (logits: Tensor2D) => crossEntropy(logits, labels as Tensor1D);
    const logits = tf.tensor2d(student);
    const step: StepContext = {
      student: output(tf.tensor2d([[3, 4]]), logits),
      teacher: output(tf.tensor2d([[4, 3]]), tf.tensor2d(teacher)),
      teacherHead: () => tf.tensor2d(throughTeacher),
      projected: tf.tensor2d([[3, 4]]),
      crossEntropy: ce,
      divergence: distillationDivergence,
      studentCrossEntropy: () => ce(logits),
      ...batch,
    };
    const terms = termsOf(method, step, { form: 'paper', temperature: 1, ...settings });
    return Object.fromEntries(
      Object.entries(terms).map(([key, { weight, value }]) => [key, { weight, value: value.dataSync()[0] }]),
    );
  }
  const number = (value: number) => expect.closeTo(value, 6);
  const kl = (p: number, q: number) => p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q));
  const shared = {
    ce: { weight: number(2 * 0.75), value: number(Math.log(2)) },
    kd: { weight: number(3 * 0.75), value: number(kl(3 / 4, 1 / 2)) },
    'th-ce': { weight: number(2 * 0.25), value: number(Math.log(3 / 2)) },
    'th-kd': { weight: number(3 * 0.25), value: number(kl(3 / 4, 2 / 3)) },
  };

  test("th-kd: gamma CE' + alpha H', each split between the heads", () => {
    expect(termsIn('th-kd', { gamma: 2, alpha: 3, teacherHeadShare: 0.25 })).toEqual(shared);
  });

  test('l2e-th-kd: adds beta D, where D is 2 - 2 cos of the embeddings', () => {
    expect(termsIn('l2e-th-kd', { gamma: 2, alpha: 3, beta: 5, teacherHeadShare: 0.25 })).toEqual({
      ...shared,
      l2e: { weight: 5, value: number(2 - 2 * 0.96) },
    });
  });

  test("a share of 1 uses the teacher's head alone", () => {
    expect(Object.keys(termsIn('th-kd', { gamma: 2, alpha: 3, teacherHeadShare: 1 }))).toEqual(['th-ce', 'th-kd']);
  });
});

test.each([
  ['th-kd', ['kdth']],
  ['l2e', ['kde']],
  ['l2e-th-kd', ['kdeth']],
])('%s has aliases: the names of the reference', (name, aliases) => {
  expect(methods.named(name).aliases).toEqual(aliases);
  for (const alias of aliases) expect(methods.named(alias)).toBe(methods.named(name));
});

test('an unknown name is an error that lists the known ones', () => {
  expect(() => methods.named('hints')).toThrow('There is no method named hints: ');
});
