import type { Tensor1D, Tensor2D } from '../runtime/tensorflow';
import type { LinearInitialisation } from './layers';
import type { Scope } from './scope';

/** Embedding -> logits. A thing of its own, so that a head can be shared: `teacher.head.logits(student.embedding)`. */
export interface Head {
  readonly inputs: number;
  readonly classes: number;
  /** What the cosines are multiplied by that its logits are; undefined: they are others. */
  readonly cosineScale?: number;
  /** embedding [batch, inputs] -> [batch, classes], as used for prediction and distillation: no margin. */
  logits(embedding: Tensor2D): Tensor2D;
  /** The logits that cross-entropy is taken of in training: those of margin heads depend on labels [batch] int32. */
  trainingLogits(embedding: Tensor2D, labels: Tensor1D): Tensor2D;
  /** The head over the classes `sample`, int32 [k], each there once; of heads that were built with `classRows`. */
  sampled?(sample: Tensor1D): SampledHead;
}

/** A head over some of its classes, in the order that they were asked for in: logits and labels are of those alone. */
export interface SampledHead extends Head {
  /** int32 [classes]: which they are. */
  readonly sample: Tensor1D;
  /** Their weights [classes, inputs], gathered: what a gradient is taken for, as none reaches the head itself. */
  readonly rows: Tensor2D;
}

/** The initialisation is that of linear heads; other heads have their own. */
export interface HeadShape extends LinearInitialisation {
  readonly inputs: number;
  readonly classes: number;
  /**
   * The weights are held as [classes, inputs], so that a step can work with the rows of some classes alone
   * (`Head.sampled`); in files they are [inputs, classes] as ever. Default: they are held as in files.
   */
  readonly classRows?: boolean;
  /** What margin heads multiply cosines by; 64 unless told. Other heads ignore it. */
  readonly scale?: number;
  /** How much harder margin heads make an example's own class; the published value unless told. */
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
