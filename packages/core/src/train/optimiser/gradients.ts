import type { Terms } from '../../distill/method';
import { type Scalar, type Tensor, tf, type Variable } from '../../runtime/tensorflow';

/** What a gradient is taken for: a variable of the state, or rows of one that a step has gathered. */
export interface Differentiated {
  readonly name: string;
  readonly variable: Variable | Tensor;
}

export interface Gradients {
  /** The terms' weighted sum as `loss`, then every term, unweighted, by its name. */
  readonly values: Record<string, Scalar>;
  /** By the variable's name; a variable that the loss does not reach has none. */
  readonly gradients: ReadonlyMap<string, Tensor>;
}

/**
 * The gradient of the terms' weighted sum at `variables`.
 * @param lossScale multiplies the gradients, from the loss on, but not `values`
 * @param microBatches into how many equal parts the batch is cut of which the terms see one. A term that is a sum over
 * the batch is multiplied by it, so that of all terms the mean over the parts stands for the batch.
 */
export function gradientsOf(
  variables: readonly Differentiated[],
  terms: () => Terms,
  { lossScale, microBatches = 1 }: { readonly lossScale?: Tensor; readonly microBatches?: number } = {},
): Gradients {
  const kept: [string, Scalar][] = [];
  const keep = (name: string, value: Scalar) => kept.push([name, tf.keep(value.clone())]);
  // Not by tf.variableGrads, which takes variables alone.
  const { value, grads } = tf.engine().gradients(
    () => {
      const computed = Object.entries(terms()).map(([name, { weight, value: part, summed }]) => {
        const whole = summed && microBatches > 1 ? tf.mul(part, microBatches).asScalar() : part;
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
    throw new Error('The loss reaches none of the variables that it is to move.');
  // Kept through the gradient's scope; from here on they are the caller's like any result.
  const values = Object.fromEntries(kept.map(([name, one]) => [name, one.clone()]));
  for (const [, one] of kept) one.dispose();
  const reached = variables.flatMap(({ name }, i): [string, Tensor][] => {
    const gradient = grads[i];
    return gradient ? [[name, gradient]] : [];
  });
  return { values, gradients: new Map(reached) };
}
