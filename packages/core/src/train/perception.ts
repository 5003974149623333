import type { Perception, View } from '../distill/method';
import type { Mode } from '../nn/layers';
import type { Network } from '../nn/network';
import { crossEntropy } from '../runtime/ops/cross-entropy';
import type { Tensor1D, Tensor2D, Tensor4D } from '../runtime/tensorflow';

/** The student's embedding [batch, d] -> the teacher's space [batch, d']. */
export type Projector = (embedding: Tensor2D) => Tensor2D;

/**
 * What a method sees of a batch. The teacher looks first, outside the gradient's reach, in evaluation mode; the student
 * when the returned function is called.
 */
export function perception(
  student: Network,
  pixels: Tensor4D,
  labels: Tensor1D,
  teacher: Network | undefined,
  project: Projector = (z) => z,
): () => Perception {
  const view = (network: Network, mode: Mode): View => {
    const { features, embedding } = network.embed(pixels, mode);
    return { features, embedding, logits: network.head.logits(embedding) };
  };
  const taught = teacher && view(teacher, 'eval');
  return () => {
    const seen = view(student, 'train');
    return {
      student: seen,
      teacher: taught ?? seen,
      teacherHead: (embedding) => (teacher ?? student).head.logits(embedding),
      projected: project(seen.embedding),
      crossEntropy: (logits) => crossEntropy(logits, labels),
      studentCrossEntropy: () => crossEntropy(student.head.trainingLogits(seen.embedding, labels), labels),
    };
  };
}
