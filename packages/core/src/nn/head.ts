import type { Tensor1D, Tensor2D } from '../runtime/tensorflow';
import type { LinearInitialisation } from './layers';
import type { Scope } from './scope';

/** Embedding -> logits. Networks can share one: `teacher.head.logits(student.embedding)`. */
export interface Head {
  readonly inputs: number;
  readonly classes: number;
  /** The scale of a head whose logits are scaled cosines; undefined for other heads. */
  readonly cosineScale?: number;
  /** embedding [batch, inputs] -> logits [batch, classes] for prediction and distillation, without a margin. */
  logits(embedding: Tensor2D): Tensor2D;
  /** The logits for cross-entropy in training; a margin head applies its margin at labels [batch] int32. */
  trainingLogits(embedding: Tensor2D, labels: Tensor1D): Tensor2D;
  /** The head over the classes `sample`, int32 [k] without repeats; only in heads built with `classRows`. */
  sampled?(sample: Tensor1D): SampledHead;
}

/** A head over some classes, in the order of `sample`: logits and labels count only these. */
export interface SampledHead extends Head {
  /** int32 [classes] */
  readonly sample: Tensor1D;
  /** Their gathered weights [classes, inputs]. Gradients are taken for these; none reaches the head itself. */
  readonly rows: Tensor2D;
}

/** The initial values apply to linear heads; other heads have their own. */
export interface HeadShape extends LinearInitialisation {
  readonly inputs: number;
  readonly classes: number;
  /**
   * Stores the weights as [classes, inputs], so that a step can use the rows of some classes (`Head.sampled`). Files contain
   * [inputs, classes] in any case. Default: false.
   */
  readonly classRows?: boolean;
  /** The factor that margin heads multiply cosines by; other heads ignore it. Default: the published value, 64. */
  readonly scale?: number;
  /** A margin head's margin. Default: the published value. */
  readonly margin?: number;
}

export interface HeadDefinition {
  readonly name: string;
  /** One line for the documentation, with the paper. */
  readonly summary: string;
  /** The published scale and margin of a margin head; absent for the linear heads. */
  readonly published?: { readonly scale: number; readonly margin: number };
  build(scope: Scope, shape: HeadShape): Head;
}
