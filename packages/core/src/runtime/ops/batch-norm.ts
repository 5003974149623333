import { attr, executeAll, hasKernel } from '../binding';
import { moveRunning, runningStart } from '../slice-statistics';
import { type Tensor, tf, type Variable } from '../tensorflow';
import { withGradient } from '../with-gradient';
import { type Activation, activate } from './activation';

export interface BatchNormVariables {
  readonly gamma: Tensor;
  readonly beta: Tensor;
  readonly mean: Variable;
  readonly variance: Variable;
}

/** The steps after batch norm that are computed together with it: `activation(norm(x) + residual)`. */
export interface Following {
  readonly activation?: Activation;
  /** Shaped like x. */
  readonly residual?: Tensor;
}

export interface BatchNormOptions extends Following {
  /** Share of the new batch in the running statistics (PyTorch's meaning of momentum). */
  readonly momentum?: number;
  readonly epsilon?: number;
}

interface BatchNormTraining {
  readonly variables: BatchNormVariables;
  readonly momentum: number;
  readonly epsilon: number;
}

/**
 * Batch norm by the batch's own statistics, with PyTorch's semantics: the running mean and the running (unbiased)
 * variance move by `momentum` towards the batch's.
 * @param x [batch, h, w, c] or [batch, c]
 * @throws Error when a channel has fewer than two values
 */
export function batchNormTraining<T extends Tensor>(
  x: T,
  variables: BatchNormVariables,
  { momentum = 0.1, epsilon = 1e-5, activation, residual }: BatchNormOptions = {},
): T {
  const channels = x.shape.at(-1) ?? 1;
  if (x.size / channels < 2)
    throw new Error(`Batch norm in training needs more than one value a channel, got [${x.shape}].`);
  const training = { variables, momentum, epsilon };
  if (!hasKernel('HeadshareBatchNorm') || !hasKernel('HeadshareBatchNormGrad')) {
    return follow(opsBatchNorm(x, training), { activation, residual });
  }
  const isSlope = typeof activation === 'object';
  if (activation === undefined || activation === 'relu' || (isSlope && !residual)) {
    return kernelBatchNorm(x, { ...training, activation, residual });
  }
  return activate(kernelBatchNorm(x, { ...training, residual }), activation);
}

/** Batch norm by the running statistics, which stay unchanged. Differentiable in x, gamma and beta. */
export function batchNormInference<T extends Tensor>(
  x: T,
  { gamma, beta, mean, variance }: BatchNormVariables,
  { epsilon = 1e-5, activation, residual }: BatchNormOptions = {},
): T {
  const y = asImages(x, (images) =>
    withGradient(
      [images, gamma, beta],
      (input, scale, offset) => {
        const [value] = executeAll(
          'FusedBatchNormV3',
          [...attrs(epsilon, false), attr.float('exponential_avg_factor', 1)],
          [input, scale, offset, mean, variance],
          6,
        ) as [Tensor];
        return { value, saved: [input, scale] };
      },
      (dy, input, scale) => {
        const inverse = tf.rsqrt(tf.add(variance, epsilon));
        const axes = [0, 1, 2];
        const dx = tf.mul(dy, tf.mul(scale, inverse));
        const dgamma = tf.sum(tf.mul(dy, tf.mul(tf.sub(input, mean), inverse)), axes);
        return [dx, dgamma, tf.sum(dy, axes)];
      },
    ),
  );
  return follow(y, { activation, residual });
}

/** The steps that the kernel computes with the norm. */
interface KernelFollowing extends Following {
  readonly activation?: Extract<Activation, 'relu' | object> | undefined;
}

/** activation(x + residual), from TensorFlow's own operations. */
export function follow<T extends Tensor>(x: T, { activation, residual }: Following): T {
  const y = residual ? (tf.add(x, residual) as T) : x;
  return activation ? activate(y, activation) : y;
}

/** Batch norm in training from TensorFlow's own operations, for any device. */
export function opsBatchNorm<T extends Tensor>(x: T, { variables, momentum, epsilon }: BatchNormTraining): T {
  const { gamma, beta, mean, variance } = variables;
  return asImages(x, (images) => {
    const statistics: Tensor[] = [];
    const y = withGradient(
      [images, gamma, beta],
      (input, scale, offset) => {
        const empty = tf.zeros([0]);
        const [value, batchMean, batchVariance, r1, r2, r3] = executeAll(
          'FusedBatchNormV3',
          [...attrs(epsilon, true), attr.float('exponential_avg_factor', 1)],
          [input, scale, offset, empty, empty],
          6,
        ) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
        statistics.push(tf.keep(batchMean), tf.keep(batchVariance));
        return { value, saved: [input, scale, r1, r2, r3] };
      },
      (dy, ...saved) => executeAll('FusedBatchNormGradV3', attrs(epsilon, true), [dy, ...saved], 5).slice(0, 3),
    );
    const [batchMean, batchVariance] = statistics as [Tensor, Tensor];
    // exponential_avg_factor 1 gives the batch's mean and its unbiased variance, the ones that PyTorch averages.
    tf.tidy(() => {
      const move = (running: Variable, value: Tensor) => {
        const kept = tf.mul(runningStart(running), 1 - momentum);
        moveRunning(running, momentum, tf.add(kept, tf.mul(value, momentum)));
      };
      move(mean, batchMean);
      move(variance, batchVariance);
    });
    tf.dispose(statistics);
    return y;
  });
}

const attrs = (epsilon: number, training: boolean) => [
  attr.type('T', 'float32'),
  attr.type('U', 'float32'),
  attr.float('epsilon', epsilon),
  attr.string('data_format', 'NHWC'),
  attr.bool('is_training', training),
];

/** The operation needs [batch, h, w, c]; two-dimensional features become images of one pixel. */
function asImages<T extends Tensor>(x: T, run: (images: Tensor) => Tensor): T {
  if (x.rank === 4) return run(x) as T;
  const [rows, channels] = x.shape as [number, number];
  return tf.reshape(run(tf.reshape(x, [rows, 1, 1, channels])), x.shape) as T;
}

/**
 * Batch norm in training, the residual's addition and the activation in one kernel of this package, and likewise their
 * gradients (packages/core/native/batch-norm.cc). It does not combine PReLU with a residual. Measured on two AVX-512
 * cores, values and gradients, with ReLU and with PReLU: 1.06 to 4 times as fast as TensorFlow's operations for 8 to 512
 * channels, maps of 1x1 to 56x56 and batches of 32 and 64; the smallest gain is at 64 channels and 32x32.
 */
function kernelBatchNorm<T extends Tensor>(x: T, batchNorm: BatchNormTraining & KernelFollowing): T {
  const { variables, momentum, epsilon, activation, residual } = batchNorm;
  const { gamma, beta, mean, variance } = variables;
  const slope = typeof activation === 'object' ? activation.slope : undefined;
  const kind = attr.string('activation', slope ? 'prelu' : activation === 'relu' ? 'relu' : 'none');
  const masked = activation === 'relu' && residual !== undefined;
  const moved: Tensor[] = [];
  const y = withGradient<readonly Tensor[], T, readonly Tensor[]>(
    [x, gamma, beta, ...(slope ? [slope] : []), ...(residual ? [residual] : [])],
    (...inputs) => {
      const [input, scale, offset, ...optional] = inputs as [Tensor, Tensor, Tensor, ...Tensor[]];
      const bySlope = slope ? (optional[0] as Tensor) : tf.zeros([0]);
      const added = residual ? (optional.at(-1) as Tensor) : tf.zeros([0]);
      const [value, batchMean, inverse, ...statistics] = executeAll(
        'HeadshareBatchNorm',
        [kind, attr.float('epsilon', epsilon), attr.float('momentum', momentum)],
        [input, scale, offset, runningStart(mean), runningStart(variance), bySlope, added],
        5,
      ) as [Tensor, Tensor, Tensor, Tensor, Tensor];
      moved.push(...statistics.map((tensor) => tf.keep(tensor)));
      return { value, saved: [input, scale, offset, batchMean, inverse, bySlope, masked ? value : tf.zeros([0])] };
    },
    (dy, ...saved) => {
      const [dx, dgamma, dbeta, dslope, masking] = executeAll('HeadshareBatchNormGrad', [kind], [dy, ...saved], 5);
      const dresidual = masked ? masking : dy;
      return [dx, dgamma, dbeta, ...(slope ? [dslope] : []), ...(residual ? [dresidual] : [])] as Tensor[];
    },
  );
  const [newMean, newVariance] = moved as [Tensor, Tensor];
  moveRunning(mean, momentum, newMean);
  moveRunning(variance, momentum, newVariance);
  tf.dispose(moved);
  return y;
}
