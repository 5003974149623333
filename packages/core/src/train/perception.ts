import type { ForwardOutput, Need, StepContext } from '../distill/method';
import type { Head } from '../nn/head';
import type { Mode } from '../nn/layers';
import type { Network } from '../nn/network';
import { type RandomKey, randomKey } from '../runtime/ops/random';
import { type Tensor1D, type Tensor2D, type Tensor4D, tf } from '../runtime/tensorflow';
import { UserError } from '../system/user-error';
import type { SampledHeads } from './sampled-heads';
import { crossEntropyAgainst, type TargetOptions } from './target';

/** What a step is given of a batch. */
export interface Seen extends TargetOptions {
  /** [batch, size, size, 3] in 0..255 */
  readonly pixels: Tensor4D;
  /** int32 [batch] */
  readonly labels: Tensor1D;
  /** Of the images in the training set, int32 [batch]. */
  readonly indices: Tensor1D;
  readonly random: RandomKey;
  /** Where not all classes take part: the heads of those that do, and the labels, int32 [batch], as places among them. */
  readonly sampled?: SampledHeads & { readonly targets: Tensor1D };
  /** The teacher's embeddings of the images, [batch, d], where they were computed before. */
  readonly taught?: Tensor2D;
}

/** A batch that is no part of a training set, and for which nothing is drawn by chance. */
export function unplaced(pixels: Tensor4D, labels: Tensor1D): Seen {
  return { pixels, labels, indices: tf.zerosLike(labels), random: randomKey(tf.tensor1d([0, 0], 'int32')) };
}

/**
 * What a method sees of a batch. The teacher looks first, outside the gradient's reach, in evaluation mode; the student
 * when the returned function is called, in `mode`.
 */
export function perception(
  student: Network,
  { pixels, labels, indices, random, sampled, taught: known, ...target }: Seen,
  teacher: Network | undefined,
  needs: ReadonlySet<Need> = new Set(),
  mode: Mode = 'train',
): () => StepContext {
  const asked = { preactivations: needs.has('preactivations') };
  const studentHead = sampled?.student ?? student.head;
  const teacherHead = (teacher ? sampled?.teacher : sampled?.student) ?? (teacher ?? student).head;
  const targets = sampled?.targets ?? labels;
  const view = (network: Network, head: Head, mode: Mode): ForwardOutput => {
    const { features, preactivations = [], embedding, transferred } = network.embed(pixels, mode, asked);
    if (asked.preactivations && preactivations.length !== features.length) {
      const { backbone } = network.description;
      throw new UserError(`${backbone} gives no maps before their activation, which the method needs.`);
    }
    const logits = head.logits(embedding);
    return { features, preactivations, embedding, logits, ...(transferred && { transferred }) };
  };
  const taught = teacher && (known ? remembered(known, teacherHead) : view(teacher, teacherHead, 'eval'));
  const against = crossEntropyAgainst(targets, target);
  return () => {
    const seen = view(student, studentHead, mode);
    return {
      student: seen,
      teacher: taught ?? seen,
      teacherHead: (embedding) => teacherHead.logits(embedding),
      cosineScale: teacherHead.cosineScale,
      projected: student.toTeacherSpace(seen.embedding),
      crossEntropy: (logits) => against(() => logits),
      studentCrossEntropy: () => against((wanted) => studentHead.trainingLogits(seen.embedding, wanted)),
      labels,
      columns: targets,
      indices,
      random,
    };
  };
}

/** A teacher's view of which only the embedding was kept. */
const remembered = (embedding: Tensor2D, head: Head): ForwardOutput => ({
  features: [],
  preactivations: [],
  embedding,
  logits: head.logits(embedding),
});
