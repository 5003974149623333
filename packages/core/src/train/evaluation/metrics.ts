import { UserError } from '../../system/user-error';

/** Values by name, as they are logged. */
export type Metrics = Readonly<Record<string, number>>;

/** Accuracy of logits. Shares are 0 to 1. */
export interface ClassificationResult {
  /** How many samples were measured. */
  readonly count: number;
  readonly top1: number;
  /** The share of labels among the five highest logits; 1 with five classes or fewer. */
  readonly top5: number;
  /** Expected calibration error over equal-width bins of confidence (Guo et al., arXiv 1706.04599). */
  readonly ece: number;
  /** Top-1 accuracy of each class; undefined for a class without samples. */
  readonly perClass: readonly (number | undefined)[];
  /** Mean over the classes with samples: rare classes count as much as frequent ones. */
  readonly meanPerClass: number;
}

/** One batch of logits [rows, classes]. */
export interface ClassifiedBatch {
  readonly logits: Float32Array;
  readonly labels: ArrayLike<number>;
  /** The number of real rows; the rest is padding. */
  readonly count: number;
}

export interface ClassificationMetrics {
  /** @throws RangeError for sizes and labels that do not fit; UserError for logits that are not numbers */
  add(batch: ClassifiedBatch): void;
  /** Over all batches so far. @throws UserError without samples */
  result(): ClassificationResult;
}

/**
 * Accumulates classification metrics batch by batch, in memory that grows with the classes, not with the samples. Among
 * equal logits the lower class is the prediction.
 */
export function classificationMetrics(options: {
  readonly classes: number;
  /** Bins of the calibration error. */
  readonly bins?: number;
}): ClassificationMetrics {
  const { classes, bins = 15 } = options;
  const samples = new Float64Array(classes);
  const correct = new Float64Array(classes);
  const binCount = new Float64Array(bins);
  const binConfidence = new Float64Array(bins);
  const binCorrect = new Float64Array(bins);
  let total = 0;
  let inTop5 = 0;

  const addRow = (row: Float32Array, label: number, predicted: number) => {
    total++;
    bump(samples, label);
    if (rankOf(row, label) < 5) inTop5++;
    const confidence = confidenceOf(row, predicted);
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1));
    bump(binCount, bin);
    bump(binConfidence, bin, confidence);
    if (predicted === label) {
      bump(correct, label);
      bump(binCorrect, bin);
    }
  };

  return {
    add({ logits, labels, count }) {
      const needed = count * classes;
      if (logits.length < needed) {
        throw new RangeError(`${logits.length} logits are fewer than ${count} rows of ${classes} classes`);
      }
      if (labels.length < count) throw new RangeError(`${labels.length} labels are fewer than ${count} rows`);
      for (let r = 0; r < count; r++) {
        const label = labels[r] as number;
        if (!Number.isInteger(label) || label < 0 || label >= classes) {
          throw new RangeError(`Row ${r} has label ${label}, but classes go from 0 to ${classes - 1}`);
        }
        const row = logits.subarray(r * classes, (r + 1) * classes);
        addRow(row, label, predictionOf(row, r));
      }
    },

    result() {
      if (total === 0) throw new UserError('There are no images to measure accuracy on.', 1);
      const perClass = Array.from(samples, (n, c) => (n === 0 ? undefined : (correct[c] as number) / n));
      const measured = perClass.filter((share) => share !== undefined);
      return {
        count: total,
        top1: sum(correct) / total,
        top5: inTop5 / total,
        ece: sum(binCount.map((_, b) => Math.abs((binCorrect[b] as number) - (binConfidence[b] as number)))) / total,
        perClass,
        meanPerClass: sum(measured) / measured.length,
      };
    },
  };
}

/** The class of the highest logit. @throws UserError, naming the row, for logits that are not numbers */
export function predictionOf(row: Float32Array, index: number): number {
  let best = 0;
  for (let c = 0; c < row.length; c++) {
    if (Number.isNaN(row[c])) {
      throw new UserError(
        `Row ${index} of the batch has logits that are not numbers: the network's weights are damaged, or its training diverged.`,
        1,
      );
    }
    if ((row[c] as number) > (row[best] as number)) best = c;
  }
  return best;
}

/** How many classes rank before the label: those with a higher logit, and lower classes with an equal one. */
function rankOf(row: Float32Array, label: number): number {
  const own = row[label] as number;
  let before = 0;
  for (let c = 0; c < row.length; c++) {
    const other = row[c] as number;
    if (other > own || (other === own && c < label)) before++;
  }
  return before;
}

/** Softmax of the highest logit, which is 1 over the sum of exp(logit - highest). */
export function confidenceOf(row: Float32Array, predicted: number): number {
  const highest = row[predicted] as number;
  let denominator = 0;
  for (const logit of row) denominator += logit === highest ? 1 : Math.exp(logit - highest);
  return 1 / denominator;
}

function bump(counts: Float64Array, index: number, by = 1): void {
  counts[index] = (counts[index] as number) + by;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
