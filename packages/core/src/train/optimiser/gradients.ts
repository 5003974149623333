import type { Terms } from '../../distill/method';
import { type Scalar, type Tensor, tf, type Variable } from '../../runtime/tensorflow';

/** A variable of the state, or gathered rows of one, that gradients are computed for. */
export interface Differentiated {
  readonly name: string;
  readonly variable: Variable | Tensor;
}

export interface Gradients {
  /** The weighted sum as `loss`, then every term by name, unweighted. */
  readonly values: Record<string, Scalar>;
  /** By the variable's name; absent for a variable that the loss does not depend on. */
  readonly gradients: ReadonlyMap<string, Tensor>;
}

/**
 * The gradients of the terms' weighted sum with respect to `variables`.
 * @param lossScale multiplies the loss that gradients are computed of, not `values`
 * @param slices the number of slices in a batch. It multiplies terms that are sums over the batch, so that for every term
 * the mean over the slices is the value for the batch.
 */
export function gradientsOf(
  variables: readonly Differentiated[],
  terms: () => Terms,
  { lossScale, slices = 1 }: { readonly lossScale?: Tensor; readonly slices?: number } = {},
): Gradients {
  const kept: [string, Scalar][] = [];
  const keep = (name: string, value: Scalar) => kept.push([name, tf.keep(value.clone())]);
  // tf.variableGrads accepts only variables.
  const { value, grads } = tf.engine().gradients(
    () => {
      const computed = Object.entries(terms()).map(([name, { weight, value: part, summed }]) => {
        const whole = summed && slices > 1 ? tf.mul(part, slices).asScalar() : part;
        return { name, weight, value: whole };
      });
      const loss = tf.addN(computed.map((term) => tf.mul(term.value, term.weight))).asScalar();
      keep('loss', loss);
      for (const term of computed) keep(term.name, term.value);
      return lossScale ? tf.mul(loss, lossScale).asScalar() : loss;
    },
    variables.map(({ variable }) => variable),
    undefined,
    true,
  );
  value.dispose();
  if (grads.every((gradient) => !gradient))
    throw new Error('The loss depends on none of the variables that it should move.');
  // `keep` carried them out of the gradient's scope; from here on the caller owns them.
  const values = Object.fromEntries(kept.map(([name, one]) => [name, one.clone()]));
  for (const [, one] of kept) one.dispose();
  const reached = variables.flatMap(({ name }, i): [string, Tensor][] => {
    const gradient = grads[i];
    return gradient ? [[name, gradient]] : [];
  });
  return { values, gradients: new Map(reached) };
}
