/** How the class vectors of a head lie: SH-KD trains a teacher towards those of a student. */
import { setImmediate } from 'node:timers/promises';
import { singularValues } from '../../runtime/ops/singular-values';
import type { NamedValues } from '../../runtime/state';
import { scoped, type Tensor2D, tf } from '../../runtime/tensorflow';
import type { Metrics } from '../evaluation/metrics';

export interface HeadGeometry {
  readonly classes: number;
  /** The length of the class vectors. */
  readonly embeddingSize: number;
  /** The largest cosine between the vectors of two classes, -1..1. */
  readonly largestCosine: number;
  /** The mean cosine between the vectors of two classes. */
  readonly meanCosine: number;
  /**
   * The number of directions that the vectors fill evenly: 1 if all lie on one line, at most the lesser of `classes` and
   * `embeddingSize`. It is exp of the entropy of the squared singular values of the vectors of length 1, scaled to sum 1
   * (Roy & Vetterli, "The effective rank", EUSIPCO 2007, with squares instead of the values).
   */
  readonly effectiveRank: number;
}

/** With more classes, the largest cosine is that among so many of them, which are spread evenly over all. */
export const mostComparedClasses = 20_000;

/** Rows that are multiplied at once: with 20,000 classes their cosines are 40 MB. */
const rowsAtOnce = 512;

/**
 * Measures how the class vectors of a head lie. The mean cosine and the effective rank are of all classes; the largest
 * cosine is that of all pairs up to 20,000 classes, and of a fixed sample of 20,000 classes above. No matrix of classes by
 * classes is made. A class of zeros has cosine 0 with every other class.
 * @param weight [embedding, classes], as networks store it
 * @returns undefined for fewer than two classes, and where all vectors are zeros
 */
export async function headGeometry(weight: NamedValues): Promise<HeadGeometry | undefined> {
  const [embeddingSize = 0, classes = 0] = weight.shape;
  if (classes < 2) return undefined;
  const { rows, count } = unitRows(weight);
  if (count === 0) return undefined;
  const vectors: Matrix = { values: rows, rows: classes, columns: embeddingSize };
  const spectrum = await eigenvalues(vectors, classes < embeddingSize);
  return {
    classes,
    embeddingSize,
    largestCosine: await largestProduct(sampled(vectors)),
    meanCosine: (squaredLengthOfSum(vectors) - count) / (classes * (classes - 1)),
    effectiveRank: Math.exp(entropy(spectrum)),
  };
}

/** Logged once, at the end of a training. */
export const geometryMetrics = ({ largestCosine, meanCosine, effectiveRank }: HeadGeometry): Metrics => ({
  'head/class_cosine_max': largestCosine,
  'head/class_cosine_mean': meanCosine,
  'head/effective_rank': effectiveRank,
});

interface Matrix {
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** The vectors of length 1, [classes, embedding], and how many of them are not zeros. */
function unitRows({ shape: [size = 0, classes = 0], values }: NamedValues) {
  const lengths = new Float64Array(classes);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < classes; c++) lengths[c] = (lengths[c] ?? 0) + (values[i * classes + c] ?? 0) ** 2;
  }
  const scales = lengths.map((squared) => (squared === 0 ? 0 : 1 / Math.sqrt(squared)));
  const rows = new Float32Array(classes * size);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < classes; c++) rows[c * size + i] = (values[i * classes + c] ?? 0) * (scales[c] ?? 0);
  }
  return { rows, count: scales.filter((scale) => scale > 0).length };
}

function squaredLengthOfSum({ values, rows, columns }: Matrix): number {
  const sums = new Float64Array(columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) sums[c] = (sums[c] ?? 0) + (values[r * columns + c] ?? 0);
  }
  return sums.reduce((total, sum) => total + sum * sum, 0);
}

/**
 * The squared singular values of a matrix x: the eigenvalues of x'x, or of xx', which has the same ones but for zeros.
 * @param isWide whether xx' is the smaller one; its rows must then be few
 */
async function eigenvalues(x: Matrix, isWide: boolean): Promise<Float32Array> {
  const size = isWide ? x.rows : x.columns;
  const gram = new Float64Array(size * size);
  const step = isWide ? x.rows : 8 * rowsAtOnce;
  for (let from = 0; from < x.rows; from += step) {
    const part = scoped(() => {
      const some = tensorOf(x, from, from + step);
      return tf.matMul(some, some, !isWide, isWide).dataSync();
    });
    for (let i = 0; i < gram.length; i++) gram[i] = (gram[i] ?? 0) + (part[i] ?? 0);
    await setImmediate();
  }
  // Of a positive semi-definite matrix, the singular values are the eigenvalues.
  return scoped(() => singularValues(tf.tensor2d(Float32Array.from(gram), [size, size])).dataSync() as Float32Array);
}

function entropy(values: Float32Array): number {
  const sum = values.reduce((a, b) => a + b, 0);
  return values.reduce((total, value) => (value > 0 ? total - (value / sum) * Math.log(value / sum) : total), 0);
}

/** At most `mostComparedClasses` rows, evenly spread. */
function sampled(x: Matrix): Matrix {
  if (x.rows <= mostComparedClasses) return x;
  const values = new Float32Array(mostComparedClasses * x.columns);
  for (let i = 0; i < mostComparedClasses; i++) {
    const from = Math.floor((i * x.rows) / mostComparedClasses) * x.columns;
    values.set(x.values.subarray(from, from + x.columns), i * x.columns);
  }
  return { ...x, values, rows: mostComparedClasses };
}

/** The largest product of two different rows of length 1 or 0, clipped to -1..1: float32 rounds. */
async function largestProduct(x: Matrix): Promise<number> {
  let largest = -1;
  for (let from = 0; from < x.rows; from += rowsAtOnce) {
    const products = scoped(() =>
      tf.matMul(tensorOf(x, from, from + rowsAtOnce), tensorOf(x, from, x.rows), false, true).dataSync(),
    );
    const columns = x.rows - from;
    for (let r = 0; r * columns < products.length; r++) {
      for (let c = r + 1; c < columns; c++) {
        const product = products[r * columns + c] as number;
        if (product > largest) largest = product;
      }
    }
    await setImmediate();
  }
  return Math.min(1, largest);
}

function tensorOf({ values, rows, columns }: Matrix, from: number, to: number): Tensor2D {
  const end = Math.min(to, rows);
  return tf.tensor2d(values.subarray(from * columns, end * columns), [end - from, columns]);
}
