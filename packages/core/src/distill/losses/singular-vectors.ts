import { l2Normalise } from '../../runtime/ops/normalise';
import { rightSingularVectors } from '../../runtime/ops/right-singular-vectors';
import { type Scalar, type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from '../../runtime/tensorflow';

/** 1 where x is positive, -1 elsewhere; no gradient passes. */
const side = (x: Tensor): Tensor => tf.sub(tf.mul(tf.step(x), 2), 1);

/** The first right singular vectors [batch, c, count] of each image's feature map (pixels by channels), and their values. */
function decompose(x: Tensor4D, count: number) {
  const [batch, height, width, channels] = x.shape;
  return rightSingularVectors(tf.reshape(x, [batch, height * width, channels]) as Tensor3D, count);
}

/**
 * Gives the vectors [batch, c, k] the sign that makes their sum positive; an SVD routine may return either sign. The first
 * vector of a map behind a ReLU has entries of one sign: this makes them positive, so that the signs of stages agree.
 */
function positiveSum(vectors: Tensor3D): Tensor3D {
  return tf.mul(vectors, side(tf.sum(vectors, 1, true)));
}

/** Gives the vectors [batch, c, k] the signs that make their products with the `wanted` ones positive. */
export function alignSigns(vectors: Tensor3D, wanted: Tensor3D): Tensor3D {
  return tf.mul(vectors, side(tf.sum(tf.mul(vectors, wanted), 1, true)));
}

/** For each of the teacher's vectors the most similar one of the student's [batch, c, n], with its sign: [batch, c, k]. */
function mostAlike(student: Tensor3D, teacher: Tensor3D): Tensor3D {
  const run = tf.customGrad((...args) => {
    const [given, save] = args as unknown as [Tensor, (saved: Tensor[]) => void];
    const cosines = tf.matMul(given, teacher, true, false);
    const sizes = tf.abs(cosines);
    const best = tf.cast(tf.equal(sizes, tf.max(sizes, 1, true)), 'float32');
    const choice = tf.mul(best, tf.sign(cosines));
    save([choice]);
    return {
      value: tf.matMul(given, choice),
      gradFunc: (dy: Tensor, [chosen]: Tensor[]) => tf.matMul(dy, chosen as Tensor, false, true),
    };
  });
  return run(student) as Tensor3D;
}

/** The relation between the vectors of two stages, [batch, c, k] and [batch, c', k], by channel: [batch, c, c', k]. */
function relation(upper: Tensor3D, lower: Tensor3D): Tensor {
  const difference = tf.sub(tf.expandDims(upper, 2), tf.expandDims(lower, 1));
  return tf.exp(tf.div(tf.square(difference), -8));
}

export interface SingularVectorOptions {
  /** How many vectors represent a feature map. */
  readonly count?: number;
  /** For each map, vectors [batch, c, count] that set the signs of the teacher's; default: their sums are positive. */
  readonly signs?: readonly Tensor3D[];
}

/** The teacher's vectors of one feature map, with their signs set: [batch, c, count]. */
export function teacherVectors(map: Tensor4D, count: number, signs?: Tensor3D): Tensor3D {
  const { vectors } = decompose(map, count);
  return signs ? alignSigns(vectors, signs) : positiveSum(vectors);
}

/**
 * Distillation by singular value decomposition (Lee et al., arXiv 1807.06819; RepDistiller's KDSVD.py). Each feature map
 * [batch, h, w, c] is represented by its right singular vectors, weighed by the teacher's singular values. Each pair of
 * neighbouring maps gives one term: the squared difference of their vectors' relations, sum over an image, mean over the
 * batch. Both networks' maps have the same numbers of channels. Published weight 1 (mdistiller; RepDistiller has no
 * command for it).
 *
 * The loss depends on the signs of the teacher's vectors, which the reference leaves to the SVD routine.
 */
export function singularVectorLosses(
  student: readonly Tensor4D[],
  teacher: readonly Tensor4D[],
  { count = 1, signs }: SingularVectorOptions = {},
): Scalar[] {
  const levels = student.map((map, i) => {
    const teacherMap = teacher[i] as Tensor4D;
    const theirs = teacherVectors(teacherMap, count, signs?.[i]);
    const values = tf.expandDims(l2Normalise(decompose(teacherMap, count).values as Tensor2D), 1);
    const ours = mostAlike(decompose(map, count + 3).vectors, theirs);
    return { ours: tf.mul(ours, values) as Tensor3D, theirs: tf.mul(theirs, values) as Tensor3D };
  });
  return levels.slice(1).map((upper, i) => {
    const lower = levels[i] as typeof upper;
    const difference = tf.sub(relation(upper.ours, lower.ours), relation(upper.theirs, lower.theirs));
    return tf.div(tf.sum(tf.square(difference)), upper.ours.shape[0]).asScalar();
  });
}
