import type { State } from '../../runtime/state';
import { type Scalar, type Tensor, tf, type Variable } from '../../runtime/tensorflow';

/**
 * Multiplies the loss, and divides the gradients, so that small gradients do not vanish in float16 (Micikevicius et al.,
 * arXiv 1710.03740, section 3.2): a fixed number, or one that adapts.
 */
export type LossScale = number | DynamicLossScale;

/** Names and defaults of PyTorch's torch.amp.GradScaler. */
export interface DynamicLossScale {
  /** From 1 to 2^24; default 65536. */
  readonly initial?: number;
  /** The scale doubles after this many steps in a row with finite gradients; default 2000. */
  readonly growthInterval?: number;
}

/** A scale below 1 no longer helps (TensorFlow's LossScaleOptimizer); one above 2^24 exceeds float32 (Apex). */
const bounds = { smallest: 1, largest: 2 ** 24 };

export interface LossScaling {
  /** The scale in the step that is being recorded. */
  readonly scale: Tensor;
  /** After a step: halves the scale unless `finite` (a bool scalar), doubles it after enough steps. Absent if fixed. */
  readonly adapt?: (finite: Tensor) => void;
}

/** Declares a dynamic scale's state: `loss-scale/value` and `loss-scale/good`, the good steps in a row, under `root`. */
export function makeLossScaling(state: State, loss: LossScale, root = ''): LossScaling {
  if (typeof loss === 'number') {
    checkPositive('The loss scale', loss);
    return {
      get scale() {
        // A new tensor for each step: a step must not use tensors from outside.
        return tf.scalar(loss);
      },
    };
  }
  const { initial = 65536, growthInterval = 2000 } = loss;
  if (!(initial >= bounds.smallest && initial <= bounds.largest))
    throw new RangeError(`The initial loss scale must be a number from 1 to 2^24, got ${initial}.`);
  checkPositive('The growth interval of the loss scale', growthInterval);
  const value = state.declare(`${root}loss-scale/value`, 'slot', [], Float32Array.of(initial));
  const good = state.declare(`${root}loss-scale/good`, 'slot', [], Float32Array.of(0));
  return { scale: value, adapt: (finite) => adapt(value, good, finite, growthInterval) };
}

function adapt(value: Variable, good: Variable, finite: Tensor, growthInterval: number): void {
  tf.tidy(() => {
    const lasted = tf.add(good, 1);
    const grows = tf.greaterEqual(lasted, growthInterval);
    const grown = tf.where(grows, tf.minimum(tf.mul(value, 2), bounds.largest), value);
    const shrunk = tf.maximum(tf.mul(value, 0.5), bounds.smallest);
    const goes = tf.where(grows, 0, lasted) as Scalar;
    value.assign(tf.where(finite, grown, shrunk));
    good.assign(tf.where(finite, goes, 0));
  });
}

function checkPositive(what: string, value: number): void {
  if (!(value > 0 && value < Number.POSITIVE_INFINITY))
    throw new RangeError(`${what} must be a number above 0, got ${value}.`);
}
