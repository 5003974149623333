/** What the kernels of fused convolutions apply to their results: activation(convolution + bias + residual). */
import { type Attr, attr } from '../../binding';
import { type Tensor, type Tensor1D, type Tensor4D, tf } from '../../tensorflow';
import type { Activation } from '../activation';

export interface Epilogue {
  /** [out] */
  readonly bias: Tensor1D;
  /** Like the result. */
  readonly residual?: Tensor4D | undefined;
  readonly activation?: Activation | undefined;
}

/**
 * The kernels' attribute and inputs.
 * @throws Error when the bias does not have so many `outputs`, in the operation `op`
 */
export function epilogueInputs(
  op: string,
  outputs: number,
  { bias, residual, activation }: Epilogue,
): { readonly activation: Attr; readonly inputs: readonly Tensor[] } {
  if (bias.size !== outputs) throw new Error(`${op}: bias must be [${outputs}]; got [${bias.shape}].`);
  const slope = typeof activation === 'object' ? activation.slope : undefined;
  const none = tf.zeros([0]);
  return {
    activation: attr.string('activation', typeof activation === 'object' ? 'prelu' : (activation ?? 'none')),
    inputs: [bias, residual ?? none, slope ?? none],
  };
}
