import { l2Normalise } from '../../runtime/ops/normalise';
import { rightSingularVectors } from '../../runtime/ops/right-singular-vectors';
import { type Scalar, type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from '../../runtime/tensorflow';

/** 1 where x is positive, -1 elsewhere; a constant for the gradient. */
const side = (x: Tensor): Tensor => tf.sub(tf.mul(tf.step(x), 2), 1);

/** The first right singular vectors of each image's map, pixels by channels: [batch, c, count] and their values. */
function decompose(x: Tensor4D, count: number) {
  const [batch, height, width, channels] = x.shape;
  return rightSingularVectors(tf.reshape(x, [batch, height * width, channels]) as Tensor3D, count);
}

/**
 * The vectors [batch, c, k] with the sign that makes their sum positive. A routine may give either; of a map behind
 * a ReLU, whose first vector has entries of one sign, this one has none below 0, so that levels' signs agree.
 */
function positiveSum(vectors: Tensor3D): Tensor3D {
  return tf.mul(vectors, side(tf.sum(vectors, 1, true)));
}

/** The vectors [batch, c, k] with the signs of the `wanted` ones: those with which their product is positive. */
export function alignSigns(vectors: Tensor3D, wanted: Tensor3D): Tensor3D {
  return tf.mul(vectors, side(tf.sum(tf.mul(vectors, wanted), 1, true)));
}

/** For each of the teacher's vectors, the student's [batch, c, n] that is most like it, and with its sign: [batch, c, k]. */
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

/** How two levels' vectors [batch, c, k] and [batch, c', k] relate, channel by channel: [batch, c, c', k]. */
function relation(upper: Tensor3D, lower: Tensor3D): Tensor {
  const difference = tf.sub(tf.expandDims(upper, 2), tf.expandDims(lower, 1));
  return tf.exp(tf.div(tf.square(difference), -8));
}

export interface SingularVectorOptions {
  /** How many vectors a level is known by. */
  readonly count?: number;
  /** Per level, vectors [batch, c, count] whose signs the teacher's take; those of a positive sum where left out. */
  readonly signs?: readonly Tensor3D[];
}

/** The teacher's vectors of one level, with the signs that count: [batch, c, count]. */
export function teacherVectors(map: Tensor4D, count: number, signs?: Tensor3D): Tensor3D {
  const { vectors } = decompose(map, count);
  return signs ? alignSigns(vectors, signs) : positiveSum(vectors);
}

/**
 * Distillation by singular value decomposition (Lee et al., arXiv 1807.06819; RepDistiller's KDSVD.py): per level, the
 * right singular vectors of the map [batch, h, w, c], weighed by the teacher's singular values; per two neighbouring
 * levels one term, the squared difference of how their vectors relate, summed over an image, the mean over the batch.
 * Both networks' levels have the same numbers of channels. Published weight 1 (mdistiller's; RepDistiller has
 * no command for it).
 *
 * The loss depends on the signs of the teacher's vectors, which the reference leaves to the SVD routine.
 */
export function singularVectorLosses(
  student: readonly Tensor4D[],
  teacher: readonly Tensor4D[],
  { count = 1, signs }: SingularVectorOptions = {},
): Scalar[] {
  const levels = student.map((map, i) => {
    const taught = teacher[i] as Tensor4D;
    const theirs = teacherVectors(taught, count, signs?.[i]);
    const values = tf.expandDims(l2Normalise(decompose(taught, count).values as Tensor2D), 1);
    const ours = mostAlike(decompose(map, count + 3).vectors, theirs);
    return { ours: tf.mul(ours, values) as Tensor3D, theirs: tf.mul(theirs, values) as Tensor3D };
  });
  return levels.slice(1).map((upper, i) => {
    const lower = levels[i] as typeof upper;
    const difference = tf.sub(relation(upper.ours, lower.ours), relation(upper.theirs, lower.theirs));
    return tf.div(tf.sum(tf.square(difference)), upper.ours.shape[0]).asScalar();
  });
}
