import type { Scalar, Tensor } from '../../src/runtime/tensorflow';
import type { ReferenceValues } from '../reference-cases';
import type { Given } from './given';

type Named = Readonly<Record<string, ReferenceValues>>;

/** A case of losses.json: arrays in PyTorch's layout, gradients in float32, the rest in float64. */
export interface LossCase {
  readonly id: string;
  readonly group: string;
  readonly source: { readonly symbol: string };
  readonly hyper: Readonly<Record<string, number | boolean | string>>;
  readonly mode?: 'train' | 'eval' | null;
  readonly requires_grad: readonly string[];
  readonly inputs: Named;
  readonly params?: Named;
  readonly expected: {
    readonly loss_f64: number;
    readonly components?: Readonly<Record<string, number | ReferenceValues>>;
    readonly grads_f32: Named;
    readonly grads_true_f32?: Named;
    readonly param_grads_f32?: Named;
    readonly buffers_after_f32?: Named;
  };
}

/** What a runner makes of a case; maps of the components are [batch, h, w, c]. */
export interface Outcome {
  readonly loss: Scalar;
  readonly components?: Readonly<Record<string, Tensor>>;
}

/** Declares what a case needs, and returns what computes its loss. */
export type Runner = (given: Given) => () => Outcome;
