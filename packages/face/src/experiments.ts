import { distillationExperiments } from '@headshare/core/recipes/distillation-experiments';
import { faceSize } from './data/training-records/training-records';
import { methodDefaults } from './method-defaults';
import { type DataValues, dataOptions } from './options';
import { profiles } from './profiles';
import { rocByRow } from './roc-by-row';
import { defaultSize } from './synthetic-task';
import { verificationPairs, verificationTask } from './verification-task';

export const experiments = distillationExperiments({
  label: 'face model',
  dataOptions,
  profiles,
  methodDefaults,
  taskOf: verificationTask,
  imageSize: ({ dataset, imageSize }) => imageSize ?? (dataset === 'procedural' ? defaultSize : faceSize),
  benchmark: async (context, networks) => (await import('./ijb/benchmark-ijb')).benchmarkOnIjb(context, networks),
  columns: [
    { metric: 'accuracy', title: 'accuracy', percent: true },
    { metric: 'auc', title: 'AUC', percent: true },
    { metric: 'eer', title: 'EER', percent: true },
    { metric: 'tar_at_far_1e-2', title: 'TAR@1e-2', percent: true },
    { metric: 'tar_at_far_1e-3', title: 'TAR@1e-3', percent: true },
    { metric: 'cross_accuracy', title: 'across models', percent: true },
  ],
  benchmarkColumns: [
    { metric: 'ijbc/tar_at_far_1e-4', title: 'IJB-C 1e-4', percent: true },
    { metric: 'ijbc/tar_at_far_1e-5', title: 'IJB-C 1e-5', percent: true },
    { metric: 'ijbc/cross_tar_at_far_1e-4', title: 'IJB-C across 1e-4', percent: true },
    { metric: 'ijbb/tar_at_far_1e-4', title: 'IJB-B 1e-4', percent: true },
  ],
  chartMetrics: ['accuracy', 'cross_accuracy'],
  charts: async (runs, options) => ({ roc: rocByRow(runs, await verificationPairs(options as DataValues)) }),
  notes: () => [
    'Verification of people who are not in the training set; last epoch, 10-fold accuracy, image and mirror image together.',
    'Across models: gallery embedded by the teacher, probes by the student; accuracy by the same protocol.',
  ],
});

export const { compare, distill, distillStudentHead, student, sweep, teacher, teacherStudentHead } = experiments;
