/** For tests: small data sets and networks, and trainings that take about a second. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkRead, type ImageDataset, imageBytes } from '../src/data/dataset';
import { augmented } from '../src/data/loading/augmented';
import { type ChosenMethod, singleMethod } from '../src/distill/combine-methods';
import type { MethodSettings } from '../src/distill/method';
import { methods } from '../src/distill/registry';
import type { NetworkDescription } from '../src/nn/network';
import { stream } from '../src/system/random';
import { classificationTask } from '../src/train/evaluation/classification-task';
import type { Metrics } from '../src/train/evaluation/metrics';
import type { Task } from '../src/train/evaluation/task';
import { type NetworkTraining, offByDefault, type TrainedNetwork, type TrainingSettings } from '../src/train/settings';
import { trainNetwork } from '../src/train/train-network';

const fewClasses = 4;

/** Noise images; the class decides which channel is brighter, if any. */
export function tinyImages(name: string, images: number, classes = fewClasses): ImageDataset {
  const labels = Int32Array.from({ length: images }, (_, i) => i % classes);
  const dataset = { name, classes, size: 16, labels, fingerprint: `${name}-${images}` };
  const bytes = imageBytes(dataset);
  return {
    ...dataset,
    async read(indices, target) {
      checkRead(dataset, indices, target);
      for (const [row, index] of Array.from(indices).entries()) {
        const random = stream(1, name, index);
        for (let i = 0; i < bytes; i++) {
          target[row * bytes + i] = random.below(100) + (i % 3 === labels[index] ? 100 : 0);
        }
      }
    },
    close: async () => undefined,
  };
}

export const tinyTask = (images = 16, classes = fewClasses): Task =>
  classificationTask({
    train: augmented(tinyImages('train', images, classes), { flip: true, crop: { pad: 1 } }),
    test: tinyImages('test', 6, classes),
  });

/** The embedding size is 64 times the width. */
export const tinyNetwork = (width = 0.25, classes = fewClasses): NetworkDescription => ({
  backbone: 'resnet8',
  head: 'linear',
  inputSize: 16,
  width,
  classes,
});

export const tinySettings: TrainingSettings = {
  ...offByDefault,
  schedule: 'cosine',
  learningRate: 0.05,
  epochs: 2,
  warmUpEpochs: 0.5,
  batchSize: 4,
  accumulate: 1,
  seed: 1,
  momentum: 0.9,
  weightDecay: 5e-4,
  clipNorm: 1,
  evaluateEvery: 1,
  checkpointMinutes: 10,
};

/** Hyper-parameters that are usually large, small enough for sixteen images. */
const tinyHyper: Readonly<Record<string, number>> = { negatives: 6, dimension: 8, epochs: 1 };

export function tinyMethod(name: string, changed: Partial<MethodSettings> = {}): ChosenMethod {
  const method = methods.named(name);
  const hyper = Object.fromEntries(
    Object.entries(tinyHyper).filter(([key]) => Object.hasOwn(method.defaults.hyper, key)),
  );
  return singleMethod(method, { ...changed, hyper });
}

export interface TinyRun extends TrainedNetwork {
  readonly folder: string;
  readonly lines: readonly string[];
  /** All tracked metrics in order, except throughput and waiting times. */
  readonly tracked: readonly { readonly step: number; readonly values: Metrics }[];
}

const folders: string[] = [];

export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'headshare-training-')));
  folders.push(folder);
  return folder;
}

/** Digests of a run's files, without the previous checkpoint, whose time of writing may vary. */
export const bytesIn = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => name.endsWith('.safetensors') && !name.includes('.previous.'))
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex'),
      ]),
  );

/** For `afterAll`: removes the folders of `temporaryFolder`. */
export function removeTemporaryFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Aborts `trainTiny` once it has logged step `stop`. @returns its folder, in which training can resume */
export async function stopTiny(stop: number, options: Parameters<typeof trainTiny>[0] = {}): Promise<string> {
  const folder = temporaryFolder();
  const controller = new AbortController();
  const reason = new Error('stopped by hand');
  const run = trainTiny({
    ...options,
    folder,
    signal: controller.signal,
    onMetrics: (step) => {
      if (step === stop) controller.abort(reason);
    },
  });
  await expect(run).rejects.toBe(reason);
  return folder;
}

/** Trains a tiny student; by default, two epochs of four batches of four images. */
export async function trainTiny({
  settings,
  onMetrics,
  ...options
}: Partial<Omit<NetworkTraining, 'settings'>> & {
  readonly settings?: Partial<TrainingSettings>;
  readonly onMetrics?: (step: number) => void;
} = {}): Promise<TinyRun> {
  const folder = options.folder ?? temporaryFolder();
  const lines: string[] = [];
  const tracked: { step: number; values: Metrics }[] = [];
  const tracker = {
    metrics(values: Metrics, step: number) {
      // Times differ from run to run.
      const repeatable = Object.entries(values).filter(
        ([name]) => !/\/(data_wait_share|images_per_second)$/.test(name),
      );
      tracked.push({ step, values: Object.fromEntries(repeatable) });
      onMetrics?.(step);
    },
    flush: async () => undefined,
  };
  const outcome = await trainNetwork({
    role: 'student',
    task: tinyTask(),
    network: tinyNetwork(),
    signal: new AbortController().signal,
    log: (line) => lines.push(line),
    tracker,
    ...options,
    folder,
    settings: { ...tinySettings, ...settings },
  });
  return { ...outcome, folder, lines, tracked };
}
