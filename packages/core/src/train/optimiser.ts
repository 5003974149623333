import type { Term } from '../distill/method';
import type { State, StateVariable } from '../runtime/state';
import { type Scalar, type Tensor, tf, type Variable } from '../runtime/tensorflow';

export interface SgdOptions {
  readonly momentum?: number;
  /** Times the weight, added to its gradient (PyTorch's weight_decay). */
  readonly weightDecay?: number;
  /** Gradients are scaled so that their common norm is at most this. */
  readonly clipNorm?: number;
}

export interface Optimiser {
  /**
   * One step down the gradient of the terms' weighted sum. Part of a training step: runs while that is recorded.
   * @returns the sum as `loss`, and every term, unweighted, by its name
   */
  minimise(learningRate: Tensor, terms: () => Readonly<Record<string, Term>>): Record<string, Scalar>;
}

/**
 * Stochastic gradient descent as torch.optim.SGD does it: g += decay w; m = momentum m + g; w -= rate m. Momenta are
 * kept by variable name; a variable that the loss does not reach moves neither itself nor its momentum.
 */
export function sgd(
  state: State,
  variables: readonly StateVariable[],
  { momentum = 0, weightDecay = 0, clipNorm }: SgdOptions = {},
): Optimiser {
  const slots = new Map<string, Variable>(
    momentum === 0
      ? []
      : variables.map(({ name, shape }) => {
          const size = shape.reduce((a, b) => a * b, 1);
          return [name, state.declare(`momentum/${name}`, 'slot', shape, new Float32Array(size))];
        }),
  );
  return {
    minimise(learningRate, terms) {
      const kept: [string, Scalar][] = [];
      const { value: loss, grads } = tf.variableGrads(
        () => {
          const computed = Object.entries(terms());
          for (const [name, { value }] of computed) kept.push([name, tf.keep(value.clone())]);
          return tf.addN(computed.map(([, { weight, value }]) => tf.mul(value, weight))).asScalar();
        },
        variables.map(({ variable }) => variable),
      );
      const reached = variables.flatMap((entry) => {
        const gradient = grads[entry.variable.name];
        return gradient ? [{ ...entry, gradient }] : [];
      });
      const scale = clipNorm === undefined ? undefined : clipFactor(reached, clipNorm);
      tf.tidy(() => {
        for (const { name, variable, gradient } of reached) {
          const clipped = scale ? tf.mul(gradient, scale) : gradient;
          const decayed = weightDecay === 0 ? clipped : tf.add(clipped, tf.mul(variable, weightDecay));
          const slot = slots.get(name);
          const direction = slot ? tf.add(tf.mul(slot, momentum), decayed) : decayed;
          slot?.assign(direction);
          variable.assign(tf.sub(variable, tf.mul(direction, learningRate)));
        }
      });
      // Kept through the gradient's scope; from here on they are the caller's like any result.
      const values = kept.map(([name, value]) => [name, value.clone()] as const);
      for (const [, value] of kept) value.dispose();
      return { loss, ...Object.fromEntries(values) };
    },
  };
}

/** min(1, limit / norm of all gradients together), as torch.nn.utils.clip_grad_norm_ computes it. */
function clipFactor(reached: readonly { readonly gradient: Tensor }[], limit: number): Tensor {
  return tf.tidy(() => {
    const squares = reached.map(({ gradient }) => tf.sum(tf.square(gradient)));
    const norm = tf.sqrt(tf.addN(squares));
    return tf.minimum(1, tf.div(limit, tf.add(norm, 1e-6)));
  });
}
