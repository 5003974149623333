import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageDataset } from '@headshare/core/data/dataset';
import { augmented } from '@headshare/core/data/loading/augmented';
import { augmentedCopies } from '@headshare/core/data/loading/augmented-copies';
import { singleMethod } from '@headshare/core/distill/combine-methods';
import { methods } from '@headshare/core/distill/registry';
import { buildNetwork, type NetworkDescription } from '@headshare/core/nn/network';
import { State } from '@headshare/core/runtime/state';
import { makeProcessFolder } from '@headshare/core/system/process-folder';
import type { NetworkMetadata } from '@headshare/core/train/checkpoint';
import { writeCheckpoint } from '@headshare/core/train/checkpoint';
import type { Metrics } from '@headshare/core/train/evaluation/metrics';
import type { Task } from '@headshare/core/train/evaluation/task';
import { readNetwork } from '@headshare/core/train/networks/load-network';
import { openTeacherCache } from '@headshare/core/train/teacher-cache/teacher-cache';
import { trainNetwork } from '@headshare/core/train/train-network';
import { median } from '../measurement';
import { plainSettings } from '../plain-settings';
import { type Pair, type PairName, pairs } from './pairs';

export interface CacheCase {
  readonly pair: PairName;
  readonly images: number;
  readonly method: string;
  readonly type: 'float32' | 'float16';
  /** Counted epochs of each training, after one that is not counted. */
  readonly epochs: number;
  /** Trainings with and without the cache, in turn. */
  readonly rounds: number;
}

export interface CacheMeasurement extends CacheCase {
  readonly secondsWithout: number;
  readonly secondsWith: number;
  /** Seconds of an epoch without the cache over those with it. */
  readonly faster: number;
  readonly buildSeconds: number;
  readonly embeddings: number;
  readonly megabytes: number;
  /** Epochs, over all students, after which the cache has saved as much time as it took to write. */
  readonly paidAfterEpochs: number;
  /** The largest relative difference of a step's loss with and without the cache; 0 for the same bits. */
  readonly lossDifference: number;
}

const { signal } = new AbortController();
const quiet = () => undefined;

export async function measureCache(asked: CacheCase): Promise<CacheMeasurement> {
  const pair: Pair = pairs[asked.pair];
  const folder = makeProcessFolder('headshare-bench-cache-');
  const dataset = augmented(pair.images(asked.images), { flip: true });
  try {
    await dataset.prepare?.();
    const teacher = join(folder, 'teacher.safetensors');
    writeTeacher(teacher, pair.teacher);
    const cache = { type: asked.type, folder: join(folder, 'cache') };
    const views = augmentedCopies(dataset, 0);
    if (!views) throw new Error('The views of mirrored images have an end.');
    const started = performance.now();
    const weights = readNetwork(teacher);
    const job = { ...cache, weights, dataset, views, batchSize: pair.batch, eager: false, signal, log: quiet };
    (await openTeacherCache(job)).close();
    const buildSeconds = (performance.now() - started) / 1000;

    const runs: { readonly without: Training; readonly with: Training }[] = [];
    for (let round = 0; round < asked.rounds; round++) {
      const run = (kind: string, more: object) =>
        train(join(folder, `${kind}-${round}`), pair, dataset, asked, { teacher, ...more });
      runs.push({ without: await run('without', {}), with: await run('with', { cache }) });
    }
    const secondsWithout = median(runs.flatMap(({ without }) => without.epochSeconds));
    const secondsWith = median(runs.flatMap((run) => run.with.epochSeconds));
    return {
      ...asked,
      secondsWithout,
      secondsWith,
      faster: secondsWithout / secondsWith,
      buildSeconds,
      embeddings: dataset.labels.length * views.count,
      megabytes: (await bytesUnder(cache.folder)) / 1e6,
      paidAfterEpochs: buildSeconds / (secondsWithout - secondsWith),
      lossDifference: Math.max(...runs.map((run) => difference(run.without.losses, run.with.losses))),
    };
  } finally {
    await dataset.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Training {
  /** Without the first epoch, which compiles the step. */
  readonly epochSeconds: readonly number[];
  readonly losses: readonly number[];
}

/** Trains without evaluation. An epoch lasts from the end of the one before, with checkpoints and reading of images. */
async function train(
  folder: string,
  pair: Pair,
  dataset: ImageDataset,
  { method, epochs }: CacheCase,
  distillation: { readonly teacher: string; readonly cache?: { readonly type: 'float32' | 'float16' } },
): Promise<Training> {
  await mkdir(folder);
  const ends: number[] = [];
  const losses: number[] = [];
  const task: Task = {
    train: dataset,
    selectBy: 'none',
    evaluate: async () => ({ none: 0 }),
    finish: async () => async () => [],
    compareWithTeacher: () => ({}),
    close: async () => undefined,
  };
  await trainNetwork({
    role: 'student',
    task,
    network: pair.student,
    folder,
    signal,
    log: quiet,
    tracker: {
      flush: async () => undefined,
      metrics(values: Metrics) {
        if (values['train/loss'] !== undefined) ends.push(performance.now());
        else if (values['step/loss'] !== undefined) losses.push(values['step/loss']);
      },
    },
    distillation: { ...distillation, method: singleMethod(methods.named(method)) },
    settings: {
      ...plainSettings,
      schedule: 'constant',
      epochs: epochs + 1,
      batchSize: pair.batch,
      accumulate: 1,
      clipNorm: 5,
      evaluateEvery: epochs + 1,
    },
  });
  return { epochSeconds: ends.slice(1).map((end, i) => (end - (ends[i] as number)) / 1000), losses };
}

/** Writes an untrained teacher, which takes as long as a trained one. */
function writeTeacher(file: string, description: NetworkDescription): void {
  const state = new State();
  const tensors = buildNetwork(state, 'teacher', description, 1).weights();
  state.dispose();
  const metadata: NetworkMetadata = { network: description, epoch: 0, metrics: {} };
  writeCheckpoint(file, { tensors, metadata });
}

const difference = (without: readonly number[], cached: readonly number[]): number =>
  Math.max(...without.map((loss, i) => Math.abs(loss - (cached[i] ?? Number.NaN)) / Math.abs(loss)));

async function bytesUnder(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder, { recursive: true })) bytes += (await stat(join(folder, name))).size;
  return bytes;
}
