import { join } from 'node:path';
import type { ImageDataset } from '../../data/dataset';
import { UserError } from '../../system/user-error';
import { readCheckpoint, writeCheckpoint } from '../checkpoint';
import type { Inference } from './inference';
import { confidenceOf, predictionOf } from './metrics';

/** A network's predictions by image: enough to compare networks, in a thousandth of the space of the logits. */
export interface Predictions {
  /** The class of the highest logit; -1 for an image that was left out because it cannot be read. */
  readonly predicted: Int32Array;
  /** Its softmax, 0..1. */
  readonly confidence: Float32Array;
}

/** The prediction for an image that was left out. */
export const leftOut = -1;

/** The file in a stage's folder with its network's predictions for the test images. */
export const predictionsFile = 'test-predictions.safetensors';

export async function predict(inference: Inference, images: ImageDataset): Promise<Predictions> {
  const { length } = images.labels;
  const predicted = new Int32Array(length);
  const confidence = new Float32Array(length);
  await inference.classify(images, (logits, from, count) => {
    for (let i = 0; i < count; i++) {
      if (images.isLeftOut?.(from + i)) {
        predicted[from + i] = leftOut;
        continue;
      }
      const row = logits.subarray(i * images.classes, (i + 1) * images.classes);
      predicted[from + i] = predictionOf(row, i);
      confidence[from + i] = confidenceOf(row, predicted[from + i] as number);
    }
  });
  return { predicted, confidence };
}

export function writePredictions(folder: string, { predicted, confidence }: Predictions): void {
  // float32 holds up to 2^24 classes exactly.
  const tensor = (values: Float32Array) => ({ shape: [values.length], values });
  const tensors = new Map([
    ['predicted', tensor(Float32Array.from(predicted))],
    ['confidence', tensor(confidence)],
  ]);
  writeCheckpoint(join(folder, predictionsFile), { tensors, metadata: {} });
}

/** @throws UserError for a file of other images */
export function readPredictions(folder: string, { labels, name }: Pick<ImageDataset, 'labels' | 'name'>): Predictions {
  const file = join(folder, predictionsFile);
  const { tensors } = readCheckpoint(file);
  const [predicted, confidence] = ['predicted', 'confidence'].map((key) => tensors.get(key)?.values);
  if (predicted?.length !== labels.length || confidence?.length !== labels.length) {
    throw new UserError(`${file} holds no predictions for the ${labels.length} images of ${name}.`, 1);
  }
  return { predicted: Int32Array.from(predicted), confidence };
}

/** The share of images for which two networks predict the same class, right or wrong; of those that both saw. */
export function agreement(one: Predictions, other: Predictions): number {
  let [both, alike] = [0, 0];
  for (const [i, label] of one.predicted.entries()) {
    if (label === leftOut || other.predicted[i] === leftOut) continue;
    both++;
    if (label === other.predicted[i]) alike++;
  }
  return alike / both;
}
