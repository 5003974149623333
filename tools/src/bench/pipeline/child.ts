import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { batches } from '@headshare/core/data/loading/batches';
import { pipelineDataset } from '@headshare/core/data/pipeline/pipeline-dataset';
import type { ImageSource } from '@headshare/core/data/sources/image-source';
import { imagenet, normalised } from '@headshare/core/nn/normalisation';
import { Program } from '@headshare/core/runtime/program';
import { State } from '@headshare/core/runtime/state';
import { type Tensor4D, tf } from '@headshare/core/runtime/tensorflow';

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
  const normalise = way === 'normalised' ? normaliser(Number(batchSize)) : undefined;
  const rates: number[] = [];
  const cpu: number[] = [];
  for (let epoch = 0; epoch <= Number(epochs); epoch++) {
    const started = performance.now();
    const before = process.cpuUsage();
    let images = 0;
    const order = {
      batchSize: Number(batchSize),
      seed: 1,
      epoch,
      shuffle: true,
      augment: true,
      lastBatch: 'pad',
    } as const;
    for await (const batch of batches(dataset, order)) {
      await normalise?.(batch.images);
      images += batch.count;
    }
    if (epoch === 0) continue;
    rates.push((images / (performance.now() - started)) * 1000);
    const { user, system } = process.cpuUsage(before);
    cpu.push((user + system) / 1000 / images);
  }
  await dataset.close();
  console.log(JSON.stringify({ rates, cpu, peakMegabytes: process.resourceUsage().maxRSS / 1024 }));
}

/**
 * Bytes to floats, less the mean, over the deviation: what a training step does first, as a compiled step that takes
 * bytes. It returns the mean, for which every float must be there.
 */
function normaliser(batchSize: number): (pixels: Uint8Array) => Promise<unknown> {
  const pixels = { dtype: 'uint8', shape: [batchSize, 224, 224, 3] } as const;
  const step = new Program(new State()).define('normalise', { pixels }, (given) => ({
    mean: tf.mean(normalised(given.pixels as Tensor4D, imagenet)),
  }));
  return (images) => step({ pixels: images });
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
