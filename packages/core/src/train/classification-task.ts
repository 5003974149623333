import { join } from 'node:path';
import type { Augmentation } from '../data/batches';
import type { ImageDataset } from '../data/dataset';
import { readCheckpoint, writeCheckpoint } from './checkpoint';
import type { Inference } from './inference';
import { classificationMetrics } from './metrics';
import type { Task } from './task';
import type { Metrics } from './trainer';

/** The file of a stage's folder that holds its network's logits of the test images. */
const logitsFile = 'test-logits.safetensors';

/** Training on labelled images, judged by how well others of the same classes are named. */
export function classificationTask({
  train,
  test,
  augment,
}: {
  readonly train: ImageDataset;
  readonly test: ImageDataset;
  readonly augment: Augmentation;
}): Task {
  return {
    train,
    augment,
    selectBy: 'top1',
    evaluate: (inference) => evaluate(inference, test),
    async conclude(folder, inference) {
      const values = new Float32Array(test.labels.length * test.classes);
      await inference.classify(test, (logits, from, count) => {
        values.set(logits.subarray(0, count * test.classes), from * test.classes);
      });
      const shape = [test.labels.length, test.classes];
      writeCheckpoint(join(folder, logitsFile), { tensors: new Map([['logits', { shape, values }]]), metadata: {} });
      return [logitsFile];
    },
    relate(teacher, student) {
      const metrics = classificationMetrics({ classes: test.classes });
      metrics.add({
        logits: readLogits(student),
        teacherLogits: readLogits(teacher),
        labels: test.labels,
        count: test.labels.length,
      });
      return { agreement: metrics.result().agreement ?? Number.NaN };
    },
    async close() {
      await Promise.all([train.close(), test.close()]);
    },
  };
}

async function evaluate(inference: Inference, test: ImageDataset): Promise<Metrics> {
  const metrics = classificationMetrics({ classes: test.classes });
  await inference.classify(test, (logits, from, count) => {
    metrics.add({ logits, labels: test.labels.subarray(from, from + count), count });
  });
  const { top1, top5, meanPerClass, ece } = metrics.result();
  return { top1, top5, mean_per_class: meanPerClass, ece };
}

function readLogits(folder: string): Float32Array {
  const file = join(folder, logitsFile);
  const logits = readCheckpoint(file).tensors.get('logits');
  if (!logits) throw new Error(`${file} holds no logits.`);
  return logits.values;
}
