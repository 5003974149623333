import type { Preparation } from 'headshare-student/card';
import type { ImageDataset } from '../../data/dataset';
import { UserError } from '../../system/user-error';
import { classReport } from './class-report';
import type { Inference } from './inference';
import { classificationMetrics, type Metrics } from './metrics';
import { agreement, predict, predictionsFile, readPredictions, writePredictions } from './predictions';
import { heldOutPrefix, type SelectOn, type Task } from './task';

export interface ClassificationData {
  readonly train: ImageDataset;
  readonly test: ImageDataset;
  /** How the test images were chosen. */
  readonly testNote?: string | undefined;
  /** Sentences about the data, for the log. */
  readonly notes?: readonly string[] | undefined;
  /** The folder of the images; absent for synthetic data. */
  readonly from?: string | undefined;
  /** Held-out training images, on which the best epoch is chosen; absent: see `selectOn`. */
  readonly heldOut?: ImageDataset | undefined;
  /** Where the best epoch is chosen if no images are held out; default: test. */
  readonly selectOn?: Exclude<SelectOn, 'held-out'>;
  /** The way of a photo to the networks' input; default: images have that size already. */
  readonly preparation?: Preparation;
  /** Names by label; default: the labels. */
  readonly classNames?: readonly string[] | undefined;
}

/** Classification of labelled images, evaluated on test images of the same classes. */
export function classificationTask(data: ClassificationData): Task {
  const { train, heldOut, test, testNote, notes, from, selectOn = 'test', classNames, preparation } = data;
  return {
    train,
    reads: [
      { images: train, use: 'training', from },
      ...(heldOut ? [{ images: heldOut, use: 'validation', from } as const] : []),
      { images: test, use: 'evaluation', from, note: testNote },
    ],
    notes,
    usage: {
      kind: 'classification',
      preparation: preparation ?? { kind: 'none' },
      ...(classNames && { classNames }),
      ...(from === undefined && { caution: `trained on ${train.name}, which are synthetic images` }),
    },
    selectBy: 'top1',
    selectOn: heldOut ? 'held-out' : selectOn,
    async evaluate(inference) {
      const metrics = await evaluate(inference, test);
      if (!heldOut) return metrics;
      const ofHeldOut = Object.entries(await evaluate(inference, heldOut));
      return { ...metrics, ...Object.fromEntries(ofHeldOut.map(([name, value]) => [heldOutPrefix + name, value])) };
    },
    async finish(inference) {
      const predictions = await predict(inference, test);
      return async (folder) => {
        writePredictions(folder, predictions);
        return [predictionsFile];
      };
    },
    async report(folder) {
      // Loading the charts takes a second.
      const { drawClassReport } = await import('./draw-class-report');
      const { predicted } = readPredictions(folder, test);
      const report = classReport(test.labels, predicted, test.classes);
      return drawClassReport(report, (label) => classNames?.[label] ?? String(label), folder);
    },
    compareWithTeacher(teacher, student) {
      return { agreement: agreement(readPredictions(teacher, test), readPredictions(student, test)) };
    },
    async close() {
      await Promise.all([train.close(), heldOut?.close(), test.close()]);
    },
  };
}

/** @throws UserError if all images were left out */
async function evaluate(inference: Inference, images: ImageDataset): Promise<Metrics> {
  const { classes, labels, name } = images;
  const metrics = classificationMetrics({ classes });
  let measured = 0;
  await inference.classify(images, (logits, from, count) => {
    for (const [first, end] of readable(images, from, count)) {
      const rows = logits.subarray((first - from) * classes, (end - from) * classes);
      metrics.add({ logits: rows, labels: labels.subarray(first, end), count: end - first });
      measured += end - first;
    }
  });
  if (measured === 0) throw new UserError(`None of the ${labels.length} images of ${name} can be read.`, 1);
  const { top1, top5, meanPerClass, ece } = metrics.result();
  return { top1, top5, mean_per_class: meanPerClass, ece };
}

/** The stretches [first, end) of the images from `from` on that were not left out. */
function readable({ isLeftOut }: ImageDataset, from: number, count: number): (readonly [first: number, end: number])[] {
  const stretches: [number, number][] = [];
  for (let i = from; i < from + count; i++) {
    if (isLeftOut?.(i)) continue;
    const last = stretches.at(-1);
    if (last?.[1] === i) last[1]++;
    else stretches.push([i, i + 1]);
  }
  return stretches;
}
