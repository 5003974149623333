import { type ReferenceValues, referenceFile, relativeError } from '../reference-cases';
import { type Tensor2D, tf } from '../tensorflow';
import { crossEntropy, distillationDivergence, softCrossEntropy } from './cross-entropy';
import { gradientErrors, leaked, randomValues } from './gradient-check';

const labels = tf.tensor1d([1, 0], 'int32');
const logits = tf.tensor2d([
  [0, Math.log(3)],
  [0, 0],
]);
const targets = tf.tensor2d([
  [0.25, 0.75],
  [0.5, 0.5],
]);
const value = (tensor: { dataSync(): ArrayLike<number> }) => tensor.dataSync()[0] ?? Number.NaN;

test('cross-entropy is the mean of -log of the probability of the label', () => {
  expect(value(crossEntropy(logits, labels))).toBeCloseTo((-Math.log(0.75) - Math.log(0.5)) / 2, 6);
});

test('soft cross-entropy of the softmax itself is its entropy, and its gradient is 0', () => {
  const entropy = (-0.25 * Math.log(0.25) - 0.75 * Math.log(0.75) - Math.log(0.5)) / 2;
  expect(value(softCrossEntropy(logits, targets))).toBeCloseTo(entropy, 6);
  const gradient = tf.grad((given) => softCrossEntropy(given as Tensor2D, targets))(logits);
  expect(Math.max(...tf.abs(gradient).dataSync())).toBeLessThan(1e-7);
});

test('all have the gradients of central differences', () => {
  const given = randomValues('logits', [2, 5]);
  const soft = tf.softmax(randomValues('targets', [2, 5])) as Tensor2D;
  for (const loss of [
    (x: Tensor2D) => crossEntropy(x, labels),
    (x: Tensor2D) => softCrossEntropy(x, soft),
    (x: Tensor2D) => distillationDivergence(x, soft, 1.5),
  ]) {
    expect(gradientErrors((x) => loss(x as Tensor2D), [given])[0]).toBeLessThan(1e-3);
  }
});

interface KdCase {
  readonly id: string;
  readonly hyper: { readonly T: number };
  readonly inputs: Readonly<Record<string, ReferenceValues>>;
  readonly requires_grad: readonly string[];
  readonly expected: { readonly loss_f64: number; readonly grads_f32: Readonly<Record<string, ReferenceValues>> };
}

const cases = referenceFile<{ cases: KdCase[] }>('losses.json').cases.filter(({ id }) => /^(kd|kdth)_/.test(id));

test.each(cases.map((one) => [one.id, one] as const))(
  '%s: divergence and gradient of the reference',
  (_, reference) => {
    const { hyper, inputs, requires_grad, expected } = reference;
    const [student = ''] = requires_grad;
    const given = (name: string) =>
      tf.tensor2d([...(inputs[name]?.data ?? [])], inputs[name]?.shape as [number, number]);
    const loss = (x: Tensor2D) => distillationDivergence(x, given('y_t'), hyper.T);
    expect(value(loss(given(student))) / expected.loss_f64).toBeCloseTo(1, 5);
    const gradient = tf.grad((x) => loss(x as Tensor2D))(given(student));
    expect(relativeError(gradient.dataSync(), expected.grads_f32[student] ?? { shape: [], data: [] })).toBeLessThan(
      1e-5,
    );
  },
);

test('a student that agrees with its teacher is not told otherwise by rounding', () => {
  const teacher = tf.mul(randomValues('teacher', [4, 50]), 30) as Tensor2D;
  expect(value(distillationDivergence(teacher.clone(), teacher, 4))).toBe(0);
});

test('no gradient reaches the teacher', () => {
  const both = (x: Tensor2D) => distillationDivergence(logits, x, 4);
  expect(() => tf.grad((x) => both(x as Tensor2D))(targets)).toThrow('Cannot compute gradient');
});

test('nothing leaks', () => {
  const step = tf.grad((x) =>
    tf.add(crossEntropy(x as Tensor2D, labels), distillationDivergence(x as Tensor2D, targets, 4)),
  );
  expect(leaked(() => step(logits))).toBe(0);
});
