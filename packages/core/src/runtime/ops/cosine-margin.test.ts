import { float64GradientErrors } from '../../../test/float64-gradient-check';
import { leaked, randomValues } from '../../../test/gradient-check';
import { interclassFiltered } from '../../../test/interclass-filter';
import { type ReferenceValues, referenceFile, relativeError, testCases } from '../../../test/reference-cases';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../tensorflow';
import { additiveMargin, angularMargin, type CosineMargin, cosines, marginLogits } from './cosine-margin';
import { crossEntropy } from './cross-entropy';

interface MarginCase {
  readonly id: string;
  readonly hyper: {
    readonly s: number;
    readonly m?: number;
    readonly m2?: number;
    readonly m3?: number;
    readonly interclass_filtering_threshold?: number;
  };
  readonly inputs: Readonly<Record<'emb' | 'weight' | 'labels', ReferenceValues>>;
  readonly expected: {
    readonly loss_f64: number;
    readonly components: Readonly<Record<'cosine' | 'logits_after_margin', ReferenceValues>>;
    readonly grads_f32: Readonly<Record<'emb' | 'weight', ReferenceValues>>;
    readonly grads_true_f32?: Readonly<Record<'emb' | 'weight', ReferenceValues>>;
  };
}

const cases = referenceFile<{ cases: MarginCase[] }>('losses.json').cases.filter(({ id }) => /^(arc|cos)face/.test(id));
const tensor2d = ({ data, shape }: ReferenceValues) => tf.tensor2d([...data], shape as [number, number]);

/** Loss and gradients of a case; the reference keeps class centres as rows. */
function run({ hyper, inputs }: MarginCase, margin: CosineMargin) {
  const labels = tf.tensor1d([...inputs.labels.data], 'int32');
  const options = { scale: hyper.s, margin };
  const cosine = (emb: Tensor2D, weight: Tensor2D) => cosines(emb, weight.transpose() as Tensor2D);
  const logitsOf = (cosine: Tensor2D) =>
    marginLogits(interclassFiltered(cosine, labels, hyper.interclass_filtering_threshold), labels, options);
  const loss = (emb: Tensor2D, weight: Tensor2D) => crossEntropy(logitsOf(cosine(emb, weight)), labels);
  const given = [tensor2d(inputs.emb), tensor2d(inputs.weight)] as const;
  const { value, grads } = tf.valueAndGrads((emb, weight) => loss(emb as Tensor2D, weight as Tensor2D))([...given]);
  const logits = logitsOf(cosine(...given)).dataSync();
  return { cosine: cosine(...given).dataSync(), logits, loss: value.dataSync()[0] ?? Number.NaN, grads };
}

const marginOf = ({ id, hyper }: MarginCase) => {
  const angular = id.startsWith('arcface');
  return { angular, margin: hyper.m ?? (angular ? hyper.m2 : hyper.m3) ?? Number.NaN };
};

describe('the reference cosines, logits, loss and gradients', () => {
  testCases('margin softmax', cases, (reference) => {
    const { expected } = reference;
    const { angular, margin } = marginOf(reference);
    const result = run(reference, angular ? angularMargin(margin, 'straight-through') : additiveMargin(margin));
    expect(relativeError(result.cosine, expected.components.cosine)).toBeLessThan(1e-6);
    expect(relativeError(result.logits, expected.components.logits_after_margin)).toBeLessThan(1e-5);
    expect(Math.abs(result.loss / expected.loss_f64 - 1)).toBeLessThan(1e-5);
    expect(relativeError(result.grads[0]?.dataSync() ?? [], expected.grads_f32.emb)).toBeLessThan(1e-5);
    expect(relativeError(result.grads[1]?.dataSync() ?? [], expected.grads_f32.weight)).toBeLessThan(1e-5);
  });
});

describe('the exact gradients on request', () => {
  const withGradients = cases.filter(({ expected }) => expected.grads_true_f32);
  testCases('exact gradient', withGradients, (reference) => {
    const { emb, weight } = reference.expected.grads_true_f32 ?? {};
    const { angular, margin } = marginOf(reference);
    const { grads } = run(reference, angular ? angularMargin(margin, 'exact') : additiveMargin(margin));
    // Close to cosine 1 the derivative's 1 / sin(angle) multiplies the rounding of the cosine itself.
    const steepest = Math.max(...reference.expected.components.cosine.data.map(Math.abs));
    const tolerance = steepest > 0.95 ? 5e-5 : 1e-5;
    expect(relativeError(grads[0]?.dataSync() ?? [], emb as ReferenceValues)).toBeLessThan(tolerance);
    expect(relativeError(grads[1]?.dataSync() ?? [], weight as ReferenceValues)).toBeLessThan(tolerance);
  });
});

const labels = tf.tensor1d([0, 2], 'int32') as Tensor1D;

test.each([
  ['exact ArcFace', angularMargin(0.5, 'exact')],
  ['CosFace', additiveMargin(0.4)],
] as const)('%s has the gradient of central differences', async (_, margin) => {
  const cosine = tf.tensor2d([
    [0.3, -0.2, 0.1],
    [0.5, 0.7, -0.6],
  ]);
  const op = (given: Tensor) => marginLogits(given as Tensor2D, labels, { scale: 8, margin });
  const [error] = await float64GradientErrors(op, [cosine], [labels]);
  expect(error).toBeLessThan(1e-6);
});

test.each([
  [2, 3, 4],
  [1, 1, 1],
  [3, 5, 1],
])(
  'cosines of %i embeddings of %i values and %i centres have the gradients of central differences',
  async (n, d, c) => {
    const op = (emb: Tensor, centres: Tensor) => cosines(emb as Tensor2D, centres as Tensor2D);
    const inputs = [randomValues('embedding', [n, d]), randomValues('centres', [d, c])];
    const errors = await float64GradientErrors((...given) => op(...(given as [Tensor, Tensor])), inputs);
    // In one dimension the cosine is a sign, whose gradient is 0.
    for (const error of errors) expect(error).toBeLessThan(d === 1 ? 0.5 : 1e-6);
  },
);

test('where the embedding is its centre, or the opposite, the cosine has no slope', () => {
  const along = tf.tensor2d([[0.6, 0.8]]);
  const gradients = tf.grads((emb, centres) => tf.sum(cosines(emb as Tensor2D, centres as Tensor2D)));
  for (const sign of [1, -1]) {
    for (const gradient of gradients([along, tf.mul(along.transpose(), sign)])) {
      for (const slope of gradient.dataSync()) expect(Math.abs(slope)).toBeLessThan(1e-6);
    }
  }
});

test('the straight-through gradient is scale, for every class', () => {
  const margin = angularMargin(0.5, 'straight-through');
  const gradient = tf.grad((given) => marginLogits(given as Tensor2D, labels, { scale: 8, margin }))(tf.zeros([2, 3]));
  expect(Array.from(gradient.dataSync())).toEqual(Array(6).fill(8));
});

test.each(['straight-through', 'exact'] as const)('at cosines of 1 and -1 %s gradients are finite', (gradient) => {
  const margin = angularMargin(0.5, gradient);
  const gradients = tf.grad((given) =>
    crossEntropy(marginLogits(given as Tensor2D, labels, { scale: 64, margin }), labels),
  );
  const at = (cosine: number) => Array.from(gradients(tf.fill([2, 3], cosine)).dataSync());
  for (const value of [...at(1), ...at(-1)]) expect(Number.isFinite(value)).toBe(true);
});

test('an embedding or a centre of zeros has finite gradients', () => {
  const gradients = tf.grads((emb, centres) => tf.sum(cosines(emb as Tensor2D, centres as Tensor2D)));
  for (const gradient of gradients([tf.zeros([1, 2]), tf.ones([2, 3])])) {
    for (const value of gradient.dataSync()) expect(Number.isFinite(value)).toBe(true);
  }
});

test('a label of -1 has no margin', () => {
  const cosine = tf.tensor2d([[0.5, -0.5]]);
  const none = tf.tensor1d([-1], 'int32');
  const logits = (x: Tensor) => marginLogits(x as Tensor2D, none, { scale: 2, margin: angularMargin(0.4, 'exact') });
  expect(Array.from(logits(cosine).dataSync())).toEqual([1, -1]);
  expect(Array.from(tf.grad(logits)(cosine).dataSync())).toEqual([2, 2]);
});

test('nothing leaks', () => {
  const margin = angularMargin(0.5, 'exact');
  const emb = tf.ones([2, 4]);
  const step = tf.grads((e, w) => marginLogits(cosines(e as Tensor2D, w as Tensor2D), labels, { scale: 8, margin }));
  expect(leaked(() => step([emb, tf.ones([4, 3])]))).toBe(0);
});
