import { hasSgdKernel, kernelSgd } from '../../runtime/ops/sgd-kernel';
import { type Tensor, tf } from '../../runtime/tensorflow';

export interface SgdPart {
  readonly weight: Tensor;
  /** The weight's momentum, of the same shape; undefined: none. */
  readonly slot: Tensor | undefined;
  /** Has the weight's shape. */
  readonly gradient: Tensor;
  /** Multiplies the learning rate; default: 1. */
  readonly rate?: number;
}

export interface SgdRule {
  readonly learningRate: Tensor;
  readonly momentum: number;
  /** Multiplies the weight and is added to its gradient. */
  readonly weightDecay: number;
  /** A scalar that multiplies every gradient before weight decay; undefined: 1. */
  readonly scale: Tensor | undefined;
}

export interface SgdUpdate {
  readonly weights: readonly Tensor[];
  readonly slots: readonly (Tensor | undefined)[];
}

/**
 * The weights and momenta after one step of torch.optim.SGD: g = scale gradient + decay w; m = momentum m + g; w - rate m,
 * or w - rate g without a slot. Parts with one rate are one of its parameter groups. Pure: the caller assigns the results,
 * which are in the parts' order.
 */
export function sgdUpdate(parts: readonly SgdPart[], rule: SgdRule): SgdUpdate {
  const rates = [...new Set(parts.map(rateOf))];
  if (rates.every((rate) => rate === 1)) return groupUpdate(parts, rule);
  return tf.tidy(() => {
    const weights: Tensor[] = [];
    const slots: (Tensor | undefined)[] = [];
    for (const rate of rates) {
      const places = [...parts.keys()].filter((i) => rateOf(parts[i] as SgdPart) === rate);
      const learningRate = rate === 1 ? rule.learningRate : tf.mul(rule.learningRate, rate);
      const updated = groupUpdate(
        places.map((i) => parts[i] as SgdPart),
        { ...rule, learningRate },
      );
      for (const [k, i] of places.entries()) {
        weights[i] = updated.weights[k] as Tensor;
        slots[i] = updated.slots[k];
      }
    }
    return { weights, slots };
  });
}

const rateOf = ({ rate = 1 }: SgdPart): number => rate;

/** For parts with one learning rate. */
function groupUpdate(parts: readonly SgdPart[], rule: SgdRule): SgdUpdate {
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

/** `sgdUpdate` with TensorFlow's operations, for any device. */
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
      // One addN of three passes over the memory once; two additions pass twice.
      const direction = terms.length === 1 ? (terms[0] as Tensor) : tf.addN(terms);
      return { weight: tf.sub(weight, tf.mul(direction, learningRate)), slot: slot && direction };
    });
    return { weights: updated.map(({ weight }) => weight), slots: updated.map(({ slot }) => slot) };
  });
}
