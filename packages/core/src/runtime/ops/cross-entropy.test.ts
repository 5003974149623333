import { float64GradientErrors } from '../../../test/float64-gradient-check';
import { leaked, randomValues } from '../../../test/gradient-check';
import { type ReferenceValues, referenceFile, relativeError, testCases } from '../../../test/reference-cases';
import { type Scalar, type Tensor1D, type Tensor2D, tf } from '../tensorflow';
import { crossEntropy, distillationDivergence, softCrossEntropy } from './cross-entropy';

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

// Numbers from PyTorch 2.13's cross_entropy in float64.
const three = tf.tensor2d([
  [1, 2, 0.5],
  [0, -1, 3],
  [2, 2, -2],
]);
const threeLabels = tf.tensor1d([1, 0, 2], 'int32');

test("label smoothing is PyTorch's: the label keeps 1 - eps, and all classes share eps", () => {
  expect(value(crossEntropy(three, threeLabels, { smoothing: 0.1 }))).toBeCloseTo(2.660838669768156, 5);
  const gradient = tf.grad((x) => crossEntropy(x as Tensor2D, threeLabels, { smoothing: 0.1 }))(three);
  const expected = [
    0.0659635, -0.1016005, 0.035637, -0.2955736, -0.0053952, 0.3009687, 0.1540431, 0.1540431, -0.3080862,
  ];
  expect(Array.from(gradient.dataSync())).toEqual(expected.map((one) => expect.closeTo(one, 5)));
  expect(() => crossEntropy(three, threeLabels, { smoothing: 1.5 })).toThrow('must be between 0 and 1, got 1.5');
});

describe.each([
  ['2 rows of 5 classes', 2, 5],
  ['1 row of 1 class', 1, 1],
] as const)('%s', (_, batch, classes) => {
  const own = (classes === 1 ? tf.zeros([1], 'int32') : labels) as Tensor1D;
  const soft = tf.softmax(randomValues('targets', [batch, classes])) as Tensor2D;
  const losses: [string, (x: Tensor2D) => Scalar][] = [
    ['crossEntropy', (x) => crossEntropy(x, own)],
    ['crossEntropy, smoothed', (x) => crossEntropy(x, own, { smoothing: 0.1 })],
    ['softCrossEntropy', (x) => softCrossEntropy(x, soft)],
    ['distillationDivergence', (x) => distillationDivergence(x, soft, 1.5)],
    ['distillationDivergence, at temperature 4', (x) => distillationDivergence(x, soft, 4)],
  ];

  test.each(losses)('%s has the gradient of central differences', async (_name, loss) => {
    const given = randomValues('logits', [batch, classes]);
    const constants = [own, soft];
    const [error] = await float64GradientErrors((x) => loss(x as Tensor2D), [given], constants);
    // With one class the gradient is 0, which has no relative error.
    expect(error).toBeLessThan(classes === 1 ? 0.2 : 5e-6);
  });
});

interface KdCase {
  readonly id: string;
  readonly hyper: { readonly T: number };
  readonly inputs: Readonly<Record<string, ReferenceValues>>;
  readonly requires_grad: readonly string[];
  readonly expected: { readonly loss_f64: number; readonly grads_f32: Readonly<Record<string, ReferenceValues>> };
}

const cases = referenceFile<{ cases: KdCase[] }>('losses.json').cases.filter(({ id }) => /^(kd|kdth)_/.test(id));

describe('divergence and gradient of the reference', () => {
  testCases('KD', cases, ({ hyper, inputs, requires_grad, expected }) => {
    const [student = ''] = requires_grad;
    const given = (name: string) =>
      tf.tensor2d([...(inputs[name]?.data ?? [])], inputs[name]?.shape as [number, number]);
    const loss = (x: Tensor2D) => distillationDivergence(x, given('y_t'), hyper.T);
    expect(value(loss(given(student))) / expected.loss_f64).toBeCloseTo(1, 5);
    const gradient = tf.grad((x) => loss(x as Tensor2D))(given(student));
    expect(relativeError(gradient.dataSync(), expected.grads_f32[student] ?? { shape: [], data: [] })).toBeLessThan(
      1e-5,
    );
  });
});

test('rounding gives no loss to a student that equals its teacher', () => {
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
  const options = { smoothing: 0.1 };
  const smoothedStep = tf.grad((x) =>
    tf.add(crossEntropy(x as Tensor2D, labels, options), softCrossEntropy(x as Tensor2D, targets)),
  );
  expect(leaked(() => smoothedStep(logits))).toBe(0);
});
