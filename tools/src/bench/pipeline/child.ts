import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { batches } from '@headshare/core/data/batches';
import type { ImageSource } from '@headshare/core/data/image-source';
import { pipelineDataset } from '@headshare/core/data/pipeline/pipeline-dataset';
import { attr, backend, DType } from '@headshare/core/runtime/binding';
import { scoped, tf } from '@headshare/core/runtime/tensorflow';

/**
 * Measures one way in a process of its own: `child.ts FOLDER THREADS EPOCHS BATCH WAY`; a line of JSON. The first epoch
 * starts the threads and is not counted.
 */
async function main(): Promise<void> {
  const [folder = '', threads, epochs, batchSize, way] = process.argv.slice(2);
  const source = picturesIn(folder);
  const dataset = pipelineDataset(source, {
    size: 224,
    train: {},
    test: { resize: 256 },
    threads: Number(threads),
    native: way !== 'sharp',
  });
  const normalise = way === 'normalised' ? normaliser() : () => undefined;
  const rates: number[] = [];
  for (let epoch = 0; epoch <= Number(epochs); epoch++) {
    const started = performance.now();
    let images = 0;
    const order = {
      batchSize: Number(batchSize),
      seed: 1,
      epoch,
      shuffle: true,
      augment: {},
      lastBatch: 'pad',
    } as const;
    for await (const batch of batches(dataset, order)) {
      normalise(batch.images);
      images += batch.count;
    }
    if (epoch > 0) rates.push((images / (performance.now() - started)) * 1000);
  }
  await dataset.close();
  console.log(JSON.stringify({ rates, peakMegabytes: process.resourceUsage().maxRSS / 1024 }));
}

/** Bytes to floats, less the mean, over the deviation: what a training step does first. */
function normaliser(): (images: Uint8Array) => void {
  const mean = tf.tensor1d([0.485, 0.456, 0.406].map((value) => value * 255));
  const scale = tf.tensor1d([0.229, 0.224, 0.225].map((value) => 1 / (value * 255)));
  return (images) =>
    scoped(() => {
      const { binding } = backend();
      const bytes = binding.createTensor([images.length / (224 * 224 * 3), 224, 224, 3], DType.uint8, images);
      const kinds = [attr.type('SrcT', 'uint8'), attr.type('DstT', 'float32'), attr.bool('Truncate', false)];
      const [floats] = binding.executeOp('Cast', kinds, [bytes], 1);
      binding.deleteTensor(bytes);
      if (floats === undefined) throw new Error('Cast gave nothing');
      const tensor = backend().createOutputTensor(floats);
      tensor.sub(mean).mul(scale).slice([0, 0, 0, 0], [1, 1, 1, 1]).dataSync();
    });
}

function picturesIn(folder: string): ImageSource {
  const classNames = readdirSync(folder).sort();
  const files: string[] = [];
  const labels: number[] = [];
  for (const [label, name] of classNames.entries()) {
    for (const file of readdirSync(join(folder, name)).sort()) {
      files.push(join(folder, name, file));
      labels.push(label);
    }
  }
  return {
    name: 'pictures',
    classes: classNames.length,
    classNames,
    labels: Int32Array.from(labels),
    fingerprint: 'pictures',
    locate: (index) => ({ file: files[index] as string }),
  };
}

main();
