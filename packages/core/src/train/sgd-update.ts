import { hasSgdKernel, kernelSgd } from '../runtime/ops/sgd-kernel';
import { type Tensor, tf } from '../runtime/tensorflow';

export interface SgdPart {
  readonly weight: Tensor;
  /** The weight's momentum, of its shape; undefined: it has none. */
  readonly slot: Tensor | undefined;
  /** Of the weight's shape. */
  readonly gradient: Tensor;
}

export interface SgdRule {
  readonly learningRate: Tensor;
  readonly momentum: number;
  /** Times the weight, added to its gradient. */
  readonly weightDecay: number;
  /** A scalar that every gradient is multiplied by before weight decay; undefined: they are taken as they are. */
  readonly scale: Tensor | undefined;
}

export interface SgdUpdate {
  readonly weights: readonly Tensor[];
  readonly slots: readonly (Tensor | undefined)[];
}

/**
 * The weights and momenta after one step of torch.optim.SGD: g = scale gradient + decay w; m = momentum m + g;
 * w - rate m, or w - rate g where there is no slot. Pure: whoever calls assigns what comes back, in the parts' order.
 */
export function sgdUpdate(parts: readonly SgdPart[], rule: SgdRule): SgdUpdate {
  const slots = parts.flatMap(({ slot }) => (slot ? [slot] : []));
  if (!hasSgdKernel() || parts.length === 0 || slots.length !== parts.length) return opsSgdUpdate(parts, rule);
  const scale = rule.scale ?? tf.scalar(1);
  return kernelSgd(
    parts.map(({ weight }) => weight),
    slots,
    parts.map(({ gradient }) => gradient),
    { ...rule, scale },
  );
}

/** `sgdUpdate` of TensorFlow's own operations, for any device. */
export function opsSgdUpdate(
  parts: readonly SgdPart[],
  { learningRate, momentum, weightDecay, scale }: SgdRule,
): SgdUpdate {
  return tf.tidy(() => {
    const kept = tf.scalar(momentum);
    const decay = tf.scalar(weightDecay);
    const updated = parts.map(({ weight, slot, gradient }) => {
      const terms = [
        scale ? tf.mul(gradient, scale) : gradient,
        ...(weightDecay === 0 ? [] : [tf.mul(weight, decay)]),
        ...(slot ? [tf.mul(slot, kept)] : []),
      ];
      // One sum of three passes over the memory once where two sums of two do twice.
      const direction = terms.length === 1 ? (terms[0] as Tensor) : tf.addN(terms);
      return { weight: tf.sub(weight, tf.mul(direction, learningRate)), slot: slot && direction };
    });
    return { weights: updated.map(({ weight }) => weight), slots: updated.map(({ slot }) => slot) };
  });
}
