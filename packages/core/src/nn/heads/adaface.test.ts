/** By PyTorch's numbers, in float64, of the formula of mk-minchul/AdaFace's head.py. */
import { crossEntropy } from '../../runtime/ops/cross-entropy';
import { State } from '../../runtime/state';
import { type Scalar, scoped, type Tensor, type Tensor1D, type Tensor2D, tf } from '../../runtime/tensorflow';
import { heads } from '../registry';
import { Scope } from '../scope';

const from = (rows: number, columns: number, at: (i: number) => number) =>
  tf.tensor2d(
    Float32Array.from({ length: rows * columns }, (_, i) => at(i)),
    [rows, columns],
  );

/** One training step's logits of the own classes, loss and gradient, and the statistics after it. */
function stepped(statistics?: readonly [number, number]) {
  const state = new State();
  const head = heads.named('adaface').build(Scope.root(state, 'net', 1), { inputs: 4, classes: 5, scale: 16 });
  state.get('net/weight')?.variable.assign(from(4, 5, (i) => Math.sin(1 + i)));
  const variables = ['net/batch_mean', 'net/batch_std'].map((name) => state.get(name)?.variable);
  for (const [i, value] of (statistics ?? []).entries()) variables[i]?.assign(tf.tensor1d([value]));
  const result = scoped(() => {
    const labels = tf.tensor1d([1, 4, 0], 'int32') as Tensor1D;
    const z = from(3, 4, (i) => Math.cos(2 * i) * (1 + i));
    let logits: Tensor | undefined;
    const loss = (x: Tensor): Scalar => {
      logits = head.trainingLogits(x as Tensor2D, labels);
      tf.keep(logits);
      return crossEntropy(logits as Tensor2D, labels);
    };
    const { value, grad } = tf.valueAndGrad(loss)(z);
    const all = (logits?.arraySync() ?? []) as number[][];
    logits?.dispose();
    return {
      loss: value.dataSync()[0],
      gradient: [...grad.dataSync()],
      own: [1, 4, 0].map((label, i) => all[i]?.[label]),
      all,
    };
  });
  return { ...result, statistics: variables.map((variable) => variable?.dataSync()[0]) };
}

const near = (values: readonly number[], digits: number) => values.map((value) => expect.closeTo(value, digits));

test("the first step has the reference's logits, loss, gradient and statistics", () => {
  const { all, loss, gradient, statistics } = stepped();
  expect(all.flat()).toEqual(
    near(
      [
        5.0125793, -11.5287168, -11.8256895, -6.6303963, 3.8974162, -8.0692091, -10.5911581, -5.2757996, 6.9079743,
        4.3648886, -13.4538784, 3.4117579, 11.7134969, 8.5738874, -2.0380569,
      ],
      3,
    ),
  );
  expect(loss).toBeCloseTo(14.884550537740068, 4);
  expect(gradient).toEqual(
    near(
      [
        -0.4712655, -0.6400699, 0.187211, 0.0795815, 0.0145961, 0.3172947, 0.3235643, -0.2772387, 0.019748, 0.1518411,
        0.2397985, 0.1590777,
      ],
      4,
    ),
  );
  expect(statistics).toEqual(near([19.897232224240888, 99.06350440537051], 4));
});

test('norms that differ much get different margins', () => {
  const { own, loss, gradient } = stepped([10, 5]);
  expect(own).toEqual(near([-11.3608047, 4.5149453, -13.6565781], 3));
  expect(loss).toBeCloseTo(14.850038233548275, 4);
  expect(gradient).toEqual(
    near(
      [
        -0.4306488, -0.6176636, 0.1571243, 0.0585004, 0.0262511, 0.3118317, 0.3216936, -0.2845279, 0.0105922, 0.1525676,
        0.2542376, 0.1714554,
      ],
      4,
    ),
  );
});
