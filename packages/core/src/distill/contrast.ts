/** Contrastive distillation (CRD): its memories, and the negatives drawn from them. */
import { constant, uniform } from '../nn/initialisers';
import { integers, substream } from '../runtime/ops/random';
import { gatherIntegers, gatherRows, rowProducts } from '../runtime/ops/rows';
import { setFirst, writeRows } from '../runtime/slice-statistics';
import { type Scalar, type Tensor, type Tensor1D, type Tensor2D, tf, type Variable } from '../runtime/tensorflow';
import { contrastLoss, contrastProbabilities, contrastScores, movedRows } from './losses/contrast';
import type { MethodContext, StepContext } from './method';
import { unitEmbedding } from './modules/embedding';

export interface ContrastOptions {
  /** Dimension of the space in which the two embeddings are compared. */
  readonly dimension: number;
  /** Number of other images that each image is contrasted with. */
  readonly negatives: number;
  /** tau, which divides the scores. */
  readonly temperature: number;
  /** The share of a memory's row that an update keeps. */
  readonly momentum: number;
  /** 1: negatives are images of other classes, as in the reference; 0: any images. */
  readonly otherClasses: number;
}

/** The published values (RepDistiller's --feat_dim, --nce_k, --nce_t, --nce_m, and --mode exact). */
export const publishedContrast = {
  dimension: 128,
  negatives: 16384,
  temperature: 0.07,
  momentum: 0.5,
  otherClasses: 1,
};

export const contrastRanges = {
  dimension: { min: 1, whole: true },
  negatives: { min: 1, whole: true },
  temperature: { above: 0 },
  momentum: { max: 1 },
  otherClasses: { max: 1, whole: true },
} as const;

/** Earlier names of these hyperparameters. */
export const contrastAliases = { scores: 'temperature' } as const;

/**
 * CRD's loss for a pair of networks. Learned linear layers bring both embeddings to one space, where each network's
 * embedding of an image is contrasted with a memory of the other network's embeddings. The memories have one row an
 * image: 2 x images x dimension floats (1.2 GB for 1.2 million images and 128). From a large memory, a step reads only the
 * rows that it draws.
 */
export function contrast(context: MethodContext, options: ContrastOptions): (step: StepContext) => Scalar {
  const { scope, student, teacher, labels } = context;
  const { dimension: outputs, temperature, momentum } = options;
  const images = labels.length;
  const embedStudent = unitEmbedding(scope.child('embed_s'), { inputs: student.embeddingSize, outputs });
  const embedTeacher = unitEmbedding(scope.child('embed_t'), { inputs: teacher.embeddingSize, outputs });
  const memories = scope.child('contrast');
  const rows = uniform(1 / Math.sqrt(outputs / 3));
  const side = (number: 1 | 2): Side => ({
    memory: memories.statistic(`memory_v${number}`, [images, outputs], rows, 'rows'),
    normaliser: memories.statistic(`z_v${number}`, [], constant(-1), 'first'),
  });
  const [ofStudent, ofTeacher] = [side(1), side(2)];
  const draw =
    options.otherClasses === 1 ? fromOtherClasses(context, options.negatives) : fromAll(images, options.negatives);

  return (step) => {
    const ours = embedStudent(step.student.embedding);
    const theirs = embedTeacher(step.teacher.embedding);
    const drawn = tf.concat([tf.expandDims(step.indices, 1), draw(step)], 1) as Tensor2D;
    const against = (embedding: Tensor2D, { memory }: Side, { normaliser }: Side): Scalar => {
      const scores = contrastScores(rowProducts(memory, drawn, embedding), temperature);
      const probabilities = contrastProbabilities(scores, normaliser, images);
      setFirst(normaliser, probabilities.normaliser);
      return contrastLoss(probabilities.probabilities, images);
    };
    // Each network's embedding is compared with the memory of the other.
    const loss = tf.add(against(ours, ofTeacher, ofStudent), against(theirs, ofStudent, ofTeacher));
    move(ofStudent, ours, step.indices, momentum);
    move(ofTeacher, theirs, step.indices, momentum);
    return loss.asScalar();
  };
}

/** One network's memory, and the normaliser of its embedding's scores, negative before the first batch. */
interface Side {
  readonly memory: Variable;
  readonly normaliser: Variable;
}

function move({ memory }: Side, embedding: Tensor2D, indices: Tensor1D, momentum: number): void {
  const before = gatherRows(memory, indices) as Tensor2D;
  writeRows(memory, indices, movedRows(before, embedding, momentum));
}

/** Draws negatives as indices into the training set: int32 [batch, negatives]. */
type Draw = (batch: Pick<StepContext, 'labels' | 'indices' | 'random'>) => Tensor;

const shapeOf = ({ indices }: Parameters<Draw>[0], negatives: number): [number, number] => [
  indices.shape[0],
  negatives,
];

/** Uniform over all images, the image itself included: the reference's memory on its own. */
export const fromAll =
  (images: number, negatives: number): Draw =>
  (step) =>
    integers(substream(step.random, 'negatives'), shapeOf(step, negatives), images);

/**
 * Uniform over the images of other classes. The reference draws without replacement where there are enough; here an image
 * may be drawn twice.
 */
export function fromOtherClasses(
  { labels, classes }: Pick<MethodContext, 'labels' | 'classes'>,
  negatives: number,
): Draw {
  // Images sorted by class: a draw from the other classes skips the class's contiguous range.
  const counts = new Int32Array(classes);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  const starts = new Int32Array(classes);
  for (let c = 1; c < classes; c++) starts[c] = (starts[c - 1] ?? 0) + (counts[c - 1] ?? 0);
  const order = new Int32Array(labels.length);
  const next = starts.slice();
  labels.forEach((label, image) => {
    const at = next[label] ?? 0;
    order[at] = image;
    next[label] = at + 1;
  });
  return (step) => {
    const own = (values: Int32Array) => tf.expandDims(gatherIntegers(values, step.labels), 1);
    const [start, count] = [own(starts), own(counts)];
    const shape = shapeOf(step, negatives);
    // Integers below the number of images of all other classes, which differs from class to class.
    const draws = integers(substream(step.random, 'negatives'), shape, 2 ** 31 - 1);
    const whole = (value: number) => tf.scalar(value, 'int32');
    const among = tf.mod(draws, tf.maximum(tf.sub(whole(labels.length), count), whole(1)));
    const places = tf.add(among, tf.mul(count, tf.cast(tf.greaterEqual(among, start), 'int32')));
    return gatherIntegers(order, tf.minimum(places, whole(labels.length - 1)));
  };
}
