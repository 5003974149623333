import { join } from 'node:path';
import { batches } from '@headshare/core/data/loading/batches';
import { pipelineDataset } from '@headshare/core/data/pipeline/pipeline-dataset';
import { classSource, listClasses } from '@headshare/core/data/sources/class-folders';
import { imagenet, normalised } from '@headshare/core/nn/normalisation';
import { Program } from '@headshare/core/runtime/program';
import { State } from '@headshare/core/runtime/state';
import { type Tensor4D, tf } from '@headshare/core/runtime/tensorflow';
import { peakMegabytes } from '../measurement';
import { pictureCache } from './pictures';

export interface PipelineMeasurement {
  /** Images a second, by epoch. */
  readonly rates: readonly number[];
  /** CPU time of all threads or processes in ms an image, by epoch. */
  readonly cpu: readonly number[];
  readonly peakMegabytes: number;
}

/** Reads the pictures for some epochs. One more, which starts the threads, goes before them and is not counted. */
export async function measurePipeline(asked: {
  readonly folder: string;
  readonly threads: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly way: string;
}): Promise<PipelineMeasurement> {
  const { folder, threads, epochs, batchSize, way } = asked;
  const source = classSource('pictures', await listClasses(folder, '', { cacheFolder: join(pictureCache, 'lists') }));
  const native = way !== 'sharp';
  const dataset = pipelineDataset(source, { size: 224, train: {}, test: { resize: 256 }, threads, native });
  const normalise = way === 'normalised' ? normaliser(batchSize) : undefined;
  const rates: number[] = [];
  const cpu: number[] = [];
  for (let epoch = 0; epoch <= epochs; epoch++) {
    const started = performance.now();
    const before = process.cpuUsage();
    let images = 0;
    const order = { batchSize, seed: 1, epoch, shuffle: true, augment: true, lastBatch: 'pad' } as const;
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
  return { rates, cpu, peakMegabytes: peakMegabytes() };
}

/**
 * The start of a training step, compiled: bytes become floats of mean 0 and deviation 1. It returns their mean, so that
 * TensorFlow has to compute all of them.
 */
function normaliser(batchSize: number): (images: Uint8Array) => Promise<unknown> {
  const pixels = { dtype: 'uint8', shape: [batchSize, 224, 224, 3] } as const;
  const step = new Program(new State()).define('normalise', { pixels }, (given) => ({
    mean: tf.mean(normalised(given.pixels as Tensor4D, imagenet)),
  }));
  return (images) => step({ pixels: images });
}
