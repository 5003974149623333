import type { TrainingSettings } from '@headshare/core/train/settings';

/** The settings of trainings that are measured: SGD, and nothing that is off by default. */
export const plainSettings: Omit<
  TrainingSettings,
  'schedule' | 'epochs' | 'batchSize' | 'accumulate' | 'evaluateEvery'
> = {
  learningRate: 0.01,
  warmUpEpochs: 0,
  seed: 1,
  momentum: 0.9,
  weightDecay: 5e-4,
  clipNorm: 0,
  labelSmoothing: 0,
  backboneRate: 1,
  mixup: 0,
  cutmix: 0,
  mixProbability: 1,
  mixSwitchProbability: 0.5,
  emaDecay: 0,
  emaWarmUp: false,
  checkpointMinutes: 60,
};
