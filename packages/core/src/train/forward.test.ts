import { additiveMargin, marginLogits } from '../runtime/ops/cosine-margin';
import { scoped, type Tensor2D, tf } from '../runtime/tensorflow';
import { crossEntropyAgainst, type TargetOptions } from './forward';

const near = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 6));
const rows = [
  [1, -0.5, 2],
  [0.25, 0.5, -1],
  [0, 3, 1.5],
  [-2, 0.75, 0.5],
];

/** Loss and gradient for the logits above and the labels 0, 2, 1, 1. */
function against({ smoothing, share }: { smoothing?: number; share?: number }) {
  return scoped(() => {
    const target: TargetOptions = { smoothing, ...(share !== undefined && { labelShare: tf.scalar(share) }) };
    const loss = crossEntropyAgainst(tf.tensor1d([0, 2, 1, 1], 'int32'), target);
    const logits = tf.tensor2d(rows);
    const { value, grad } = tf.valueAndGrad((x) => loss(() => x as Tensor2D))(logits);
    return { loss: value.dataSync()[0], gradient: Array.from(grad.dataSync()) };
  });
}

// Expected: float64 PyTorch, -sum(mixup_target log_softmax) with timm's mixup_target(labels, 3, share, smoothing).
test.each([
  [
    { share: 0.3, smoothing: 0.1 },
    1.8176774867204655,
    [-0.012404288, -0.1516804, 0.164084688, 0.088922866, -0.040953901, -0.047968966].concat([
      0.00144481, 0.120565925, -0.122010735, -0.157160344, 0.059835041, 0.097325303,
    ]),
  ],
  [
    { share: 0.3 },
    1.8483024867204654,
    [-0.011570955, -0.160847067, 0.172418022, 0.0972562, -0.050120568, -0.047135632].concat([
      0.009778143, 0.121399259, -0.131177402, -0.166327011, 0.060668375, 0.105658636,
    ]),
  ],
  [
    { smoothing: 0.1 },
    1.1483024867204654,
    [-0.169904288, 0.0058196, 0.164084688, 0.088922866, 0.116546099, -0.205468966].concat([
      0.00144481, -0.036934075, 0.035489265, 0.000339656, -0.097664959, 0.097325303,
    ]),
  ],
])("cross-entropy against timm's mixed and smoothed target: %p", (options, loss, gradient) => {
  expect(against(options)).toEqual({ loss: expect.closeTo(loss, 6), gradient: near(gradient) });
});

test('with a label share of 1 the bits equal those without mixing', () => {
  expect(against({ share: 1 })).toEqual(against({}));
  expect(against({ share: 1, smoothing: 0.1 })).toEqual(against({ smoothing: 0.1 }));
});

test('a margin head applies its margin at each of the two labels', () => {
  scoped(() => {
    const cosines = tf.tensor2d([
      [0.9, -0.1],
      [0.2, 0.6],
    ]);
    const options = { scale: 4, margin: additiveMargin(0.2) };
    const target = { smoothing: 0.2, labelShare: tf.scalar(0.25) };
    const loss = crossEntropyAgainst(
      tf.tensor1d([0, 1], 'int32'),
      target,
    )((labels) => marginLogits(cosines, labels, options));
    // Expected: PyTorch, 0.25 cross_entropy(CosFace at the labels) + 0.75 cross_entropy(CosFace at the others).
    expect(loss.dataSync()[0]).toBeCloseTo(2.5670188321983582, 5);
  });
});
