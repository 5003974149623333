import { leftOut } from './predictions';

/** Accuracy and most frequent mistake of one class. */
export interface ClassRow {
  readonly label: number;
  /** How many images the class has, without those that were left out. */
  readonly images: number;
  /** The share of correct predictions; undefined for a class without images. */
  readonly top1: number | undefined;
  /** The most frequent wrong prediction. */
  readonly mistaken: ConfusedPair | undefined;
}

export interface ConfusedPair {
  readonly label: number;
  readonly predicted: number;
  readonly count: number;
  /** The share of the label's images for which `predicted` was predicted. */
  readonly share: number;
}

export interface ClassReport {
  /** By label. */
  readonly classes: readonly ClassRow[];
  /** All mistakes, most frequent first. */
  readonly pairs: readonly ConfusedPair[];
}

/** Counts mistakes by class, without images that were left out, in memory that grows with the classes and the different mistakes. Labels are in [0, classes). */
export function classReport(labels: Int32Array, predicted: Int32Array, classes: number): ClassReport {
  const images = new Int32Array(classes);
  const right = new Int32Array(classes);
  const mistakes = new Map<number, number>();
  for (const [i, label] of labels.entries()) {
    if (predicted[i] === leftOut) continue;
    images[label] = (images[label] as number) + 1;
    if (predicted[i] === label) {
      right[label] = (right[label] as number) + 1;
    } else {
      const key = label * classes + (predicted[i] as number);
      mistakes.set(key, (mistakes.get(key) ?? 0) + 1);
    }
  }
  const pairs = [...mistakes]
    .sort(([keyA, a], [keyB, b]) => b - a || keyA - keyB)
    .map(([key, count]): ConfusedPair => {
      const label = Math.floor(key / classes);
      return { label, predicted: key % classes, count, share: count / (images[label] as number) };
    });
  const worst = new Map<number, ConfusedPair>();
  for (const pair of pairs) if (!worst.has(pair.label)) worst.set(pair.label, pair);
  return {
    classes: Array.from(images, (count, label) => ({
      label,
      images: count,
      top1: count === 0 ? undefined : (right[label] as number) / count,
      mistaken: worst.get(label),
    })),
    pairs,
  };
}
