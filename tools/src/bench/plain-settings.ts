import { offByDefault, type TrainingSettings } from '@headshare/core/train/settings';

/** The settings of trainings that are measured: SGD, and nothing that is off by default. */
export const plainSettings: Omit<
  TrainingSettings,
  'schedule' | 'epochs' | 'batchSize' | 'accumulate' | 'evaluateEvery'
> = {
  ...offByDefault,
  learningRate: 0.01,
  seed: 1,
  momentum: 0.9,
  weightDecay: 5e-4,
  checkpointMinutes: 60,
};
