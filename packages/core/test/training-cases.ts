/** For tests: tiny trainings that several workers share. */
import { augmented } from '../src/data/loading/augmented';
import { classificationTask } from '../src/train/evaluation/classification-task';
import type { Task } from '../src/train/evaluation/task';
import type { TrainingSettings } from '../src/train/settings';
import type { trainTiny } from './tiny-training';
import { tinyImages, tinyMethod, tinyNetwork, trainTiny as train } from './tiny-training';

type TinyOptions = NonNullable<Parameters<typeof trainTiny>[0]>;

/** Four slices of two images: four workers can share a step. */
const settings = { batchSize: 8, accumulate: 4, epochs: 3 };

const taskOf = () =>
  classificationTask({
    train: augmented(tinyImages('train', 40), { flip: true, crop: { pad: 1 } }),
    test: tinyImages('test', 21),
  });

/** What faces are evaluated by: embeddings, no logits. */
const embeddingTask = (): Task => {
  const train = augmented(tinyImages('train', 40, 7), { flip: true, crop: { pad: 1 } });
  const test = tinyImages('test', 6, 7);
  return {
    train,
    selectBy: 'length',
    async evaluate(inference) {
      const { embeddings } = await inference.embed(test);
      return { length: Math.hypot(...embeddings) };
    },
    finish: async () => async () => [],
    compareWithTeacher: () => ({}),
    close: async () => undefined,
  };
};

const sharedClasses = (changed: Partial<TrainingSettings>): TinyOptions => ({
  task: embeddingTask(),
  settings: { ...settings, ...changed },
  network: { ...tinyNetwork(0.25, 7), head: 'cosface', scale: 16 },
  shardClasses: true,
});

/** The options of a training, without its teacher, by what it is there for. */
const cases: Readonly<Record<string, () => TinyOptions & { readonly method?: string }>> = {
  long: () => ({ settings: { ...settings, epochs: 40, checkpointMinutes: 0 } }),
  'long epochs': () => ({
    task: classificationTask({ train: tinyImages('train', 640), test: tinyImages('test', 21) }),
    settings: { ...settings, epochs: 2 },
  }),
  'th-kd': () => ({ settings, method: 'th-kd' }),
  'crd, average and clipping': () => ({ settings: { ...settings, emaDecay: 0.9, clipNorm: 0.5 }, method: 'crd' }),
  pretraining: () => ({ settings: { ...settings, epochs: 2 }, method: 'ft' }),
  'a share of the classes': () => ({
    settings,
    network: { ...tinyNetwork(), head: 'cosface', scale: 16 },
    classShare: 0.5,
  }),
  'mixup and cutmix': () => ({ settings: { ...settings, mixup: 0.4, cutmix: 1 } }),
  'shared classes': () => sharedClasses({ epochs: 3, checkpointMinutes: 0 }),
  'long shared classes': () => sharedClasses({ epochs: 12, checkpointMinutes: 0 }),
  'distilled shared classes': () => ({ ...sharedClasses({ epochs: 3, checkpointMinutes: 0 }), method: 'l2e-th-kd' }),
  adaface: () => ({ settings, network: { ...tinyNetwork(), head: 'adaface', scale: 16 } }),
};

export const caseNames = Object.keys(cases);

/** The teacher of those cases that distil. @param isShared of those whose classes are shared */
export async function trainCaseTeacher(isShared = false): Promise<string> {
  const { folder } = await train({
    role: 'teacher',
    ...(isShared
      ? { network: { ...tinyNetwork(0.5, 7), head: 'arcface', scale: 16 }, task: embeddingTask() }
      : { network: tinyNetwork(0.5), task: taskOf() }),
    settings: { epochs: 1 },
  });
  return folder;
}

/** @param teacher its folder */
export function trainingCase(name: string, teacher: string): TinyOptions {
  const { method, ...options } = (cases[name] as (typeof cases)[string])();
  return {
    ...(options.task ? {} : { task: taskOf() }),
    ...options,
    ...(method && { distillation: { teacher: `${teacher}/last.safetensors`, method: tinyMethod(method) } }),
  };
}
