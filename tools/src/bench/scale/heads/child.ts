/** `child.ts SETUP`: one process of a training whose head has many classes. Prints the memory that it took, as JSON. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { joinCluster } from '@headshare/core/cluster/join';
import { ownPart } from '@headshare/core/cluster/stage-workers';
import { workerProcess } from '@headshare/core/cluster/worker-process';
import type { NetworkDescription } from '@headshare/core/nn/network';
import type { Task } from '@headshare/core/train/evaluation/task';
import { trainNetwork } from '@headshare/core/train/train-network';
import { becomeWorker } from '@headshare/core/train/workers/become-worker';
import { start } from '../../command-line';
import { peakMegabytes } from '../../measurement';
import { plainSettings } from '../../plain-settings';
import { noise } from '../training/noise';

export interface HeadSetup {
  /** For checkpoints; a training that finds its own there resumes. */
  readonly folder: string;
  readonly classes: number;
  readonly embeddingSize: number;
  /** Of a batch, one for each worker. */
  readonly slices: number;
  /** Each of `stepsPerEpoch` steps. */
  readonly epochs: number;
}

/** Megabytes in memory at most, while the process got ready, trained, and wrote checkpoints. */
export interface HeadMemory {
  /** Network and first weights, also those of a checkpoint. */
  readonly ready: number;
  /** In workers but home with what they send for checkpoints. */
  readonly steps: number;
  /** In home, which alone writes. */
  readonly checkpoint?: number;
}

export const stepsPerEpoch = 2;
const images = 16;

async function main(): Promise<void> {
  const { folder, classes, embeddingSize, slices, epochs } = JSON.parse(process.argv[2] ?? '') as HeadSetup;
  mkdirSync(folder, { recursive: true });
  const place = workerProcess();
  const member = place && (await joinCluster({ ...place, threads: 1 }));
  if (member) await becomeWorker(member);
  const network: NetworkDescription = {
    backbone: 'resnet8',
    head: 'arcface',
    inputSize: 16,
    width: 0.25,
    projection: embeddingSize,
    classes,
  };
  const dataset = noise('train', { images: images * stepsPerEpoch, size: network.inputSize, classes });
  let ready: number | undefined;
  let steps: number | undefined;
  const task: Task = {
    train: {
      ...dataset,
      read(indices, target) {
        ready ??= takePeak();
        return dataset.read(indices, target);
      },
    },
    selectBy: 'length',
    evaluate: async () => ({ length: 1 }),
    finish: async () => async () => [],
    compareWithTeacher: () => ({}),
    close: async () => undefined,
  };
  const training = trainNetwork({
    role: 'student',
    network,
    task,
    settings: { ...plainSettings, schedule: 'cosine', evaluateEvery: 1, epochs, batchSize: images, accumulate: slices },
    folder,
    signal: new AbortController().signal,
    log: () => undefined,
    tracker: {
      metrics(_values, step) {
        if (step === epochs * stepsPerEpoch) steps ??= takePeak();
      },
      flush: async () => undefined,
    },
    ...(member && { workers: { member, stage: 'benchmark', sums: 'exact' }, shardClasses: true }),
  });
  await ownPart(training);
  const last = takePeak();
  const isHome = steps !== undefined;
  const memory: HeadMemory = { ready: ready ?? 0, steps: steps ?? last, ...(isHome && { checkpoint: last }) };
  console.log(JSON.stringify(memory));
  await member?.close();
}

/** The peak since the last call; of the whole process where the system cannot reset it. */
function takePeak(): number {
  try {
    const peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
    // See proc(5): sets the peak to the size of now.
    writeFileSync('/proc/self/clear_refs', '5');
    return peak;
  } catch {
    return peakMegabytes();
  }
}

start(main);
