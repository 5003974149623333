/** The two forward passes of a training step, and the values that a method's loss is made of. */
import type { ForwardOutput, Need, StepContext } from '../distill/method';
import type { Mode } from '../nn/layers';
import type { Network } from '../nn/network';
import { crossEntropy, distillationDivergence } from '../runtime/ops/cross-entropy';
import type { RandomKey } from '../runtime/ops/random';
import { type Scalar, type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from '../runtime/tensorflow';
import { UserError } from '../system/user-error';
import type { SharedHead } from './class-shards';
import type { SampledHeads } from './partial-fc';

/** A slice of a batch as the step's tensors. */
export interface BatchTensors extends TargetOptions {
  /** [batch, height, width, 3] in 0..255 */
  readonly pixels: Tensor4D;
  /** int32 [batch] */
  readonly labels: Tensor1D;
  /** The images' indices in the training set, int32 [batch]. */
  readonly indices: Tensor1D;
  readonly random: RandomKey;
  /** The slice's number in the batch, int32 []; absent: it is the only one. */
  readonly slice?: Tensor;
  /** With Partial FC: the heads over the sampled classes, and the labels as columns of their logits, int32 [batch]. */
  readonly sampled?: SampledHeads & { readonly columns: Tensor1D };
  /** With --shard-classes: the group whose members hold the classes. No head then gives logits over all classes. */
  readonly shard?: SharedHead;
  /** The teacher's cached embeddings of the images, [batch, d]; absent: the teacher computes them. */
  readonly teacherEmbeddings?: Tensor2D;
}

/** The teacher's outputs in evaluation mode; with cached embeddings only its head is computed. */
export function teacherForward(
  teacher: Network,
  { pixels, sampled, shard, teacherEmbeddings: embedding }: BatchTensors,
  needs: ReadonlySet<Need>,
): ForwardOutput {
  const head = sampled?.teacher ?? teacher.head;
  const logits = (given: Tensor2D) => head.logits(shard ? shard.ofAll(given) : given);
  if (embedding) return { features: [], preactivations: [], embedding, logits: logits(embedding) };
  return forward(teacher, logits, pixels, 'eval', needs);
}

/** @param mode how the student's batch norm works: by the batch in training */
export function studentForward(
  student: Network,
  { pixels, sampled, shard }: BatchTensors,
  mode: Mode,
  needs: ReadonlySet<Need>,
): ForwardOutput {
  const head = sampled?.student ?? student.head;
  return forward(student, (given) => head.logits(shard ? shard.ofAll(given) : given), pixels, mode, needs);
}

function forward(
  network: Network,
  logitsOf: (embedding: Tensor2D) => Tensor2D,
  pixels: Tensor4D,
  mode: Mode,
  needs: ReadonlySet<Need>,
): ForwardOutput {
  const wanted = { preactivations: needs.has('preactivations') };
  const { features, preactivations = [], embedding, transferred } = network.embed(pixels, mode, wanted);
  if (wanted.preactivations && preactivations.length !== features.length) {
    const { backbone } = network.description;
    throw new UserError(`The method needs feature maps before their activation, which ${backbone} does not return.`);
  }
  const logits = logitsOf(embedding);
  return { features, preactivations, embedding, logits, ...(transferred && { transferred }) };
}

/**
 * The values that a method's loss may use.
 * @param outputs of the forward passes; a student without a teacher stands for its own
 */
export function stepContext(
  networks: { readonly student: Network; readonly teacher?: Network | undefined },
  { labels, indices, random, sampled, shard, ...target }: BatchTensors,
  outputs: { readonly student: ForwardOutput; readonly teacher?: ForwardOutput | undefined },
): StepContext {
  const { student, teacher } = networks;
  const { student: output } = outputs;
  const studentHead = sampled?.student ?? student.head;
  const teacherHead = teacher ? (sampled?.teacher ?? teacher.head) : studentHead;
  const columns = sampled?.columns ?? labels;
  const crossEntropyOf = crossEntropyAgainst(columns, target);
  return {
    student: output,
    teacher: outputs.teacher ?? output,
    teacherHead: (embedding) => teacherHead.logits(shard ? shard.ofAll(embedding) : embedding),
    cosineScale: teacherHead.cosineScale,
    projected: student.toTeacherSpace(output.embedding),
    crossEntropy: shard?.crossEntropy ?? ((logits) => crossEntropyOf(() => logits)),
    divergence: shard?.divergence ?? distillationDivergence,
    studentCrossEntropy() {
      if (!shard) return crossEntropyOf((wanted) => studentHead.trainingLogits(output.embedding, wanted));
      return shard.crossEntropy(studentHead.trainingLogits(shard.ofAll(output.embedding), shard.columns));
    },
    labels,
    columns,
    indices,
    random,
  };
}

export interface TargetOptions {
  /** Label smoothing (PyTorch's and timm's): the share of the target, [0, 1), spread evenly over all classes. */
  readonly smoothing?: number | undefined;
  /**
   * With mixup or CutMix, where the batch is mixed with its reverse: the weight of an image's own label, a scalar. The
   * rest goes to the label of the image it is mixed with. Undefined: nothing is mixed.
   */
  readonly labelShare?: Tensor | undefined;
}

/**
 * Cross-entropy against the labels int32 [batch] of a step, smoothed and mixed: share CE(own label) + (1 - share)
 * CE(partner's label), each against its smoothed one-hot vector. For logits that do not depend on labels, this equals
 * the cross-entropy against timm's `mixup_target`; a margin head computes its logits twice, once for each label.
 * @returns a function of the logits [batch, classes] for given labels
 */
export function crossEntropyAgainst(
  labels: Tensor1D,
  { smoothing = 0, labelShare }: TargetOptions,
): (logitsFor: (labels: Tensor1D) => Tensor2D) => Scalar {
  const against = (logitsFor: (labels: Tensor1D) => Tensor2D, wanted: Tensor1D) =>
    crossEntropy(logitsFor(wanted), wanted, { smoothing });
  if (!labelShare) return (logitsFor) => against(logitsFor, labels);
  const partners = tf.reverse(labels, 0) as Tensor1D;
  const rest = tf.sub(1, labelShare);
  return (logitsFor) =>
    tf.add(tf.mul(against(logitsFor, labels), labelShare), tf.mul(against(logitsFor, partners), rest)).asScalar();
}
