import { type Tensor, tf } from './tensorflow';

interface Forward<S extends readonly Tensor[]> {
  readonly value: Tensor;
  /** Kept until the gradient has been taken; default: none. */
  readonly saved?: readonly [...S];
}

/**
 * Runs an operation with its own gradient (tf.customGrad).
 * @param forward computes the value from the inputs
 * @param gradient takes dy and what `forward` saved, and returns the gradients for the inputs, in their order
 */
export function withGradient<
  const I extends readonly Tensor[],
  Y extends Tensor = Tensor,
  const S extends readonly Tensor[] = readonly [],
>(
  inputs: I,
  forward: (...inputs: I) => Forward<S>,
  gradient: (dy: Tensor, ...saved: S) => Tensor | readonly Tensor[],
): Y {
  const run = tf.customGrad((...args) => {
    const save = args.at(-1) as unknown as (saved: readonly Tensor[]) => void;
    const { value, saved } = forward(...(args.slice(0, -1) as unknown as I));
    if (saved) save(saved);
    return { value, gradFunc: (dy: Tensor, kept: Tensor[]) => gradient(dy, ...(kept as unknown as S)) as Tensor[] };
  });
  return run(...inputs) as Y;
}
