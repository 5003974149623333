import { classificationReport } from '@headshare/core/recipes/classification';
import { distillationExperiments } from '@headshare/core/recipes/distillation-experiments';
import { dataOptions } from './options';
import { profiles } from './profiles';
import { publishedTop1 } from './published-cifar100';
import { imageTask } from './task';

export const experiments = distillationExperiments({
  ...classificationReport,
  label: 'image classifier',
  dataOptions,
  profiles,
  methodDefaults: {},
  taskOf: imageTask,
  imageSize: ({ imageSize }) => imageSize,
  published: {
    of: publishedTop1,
    note: "Published: RepDistiller's README, mean of several runs, CIFAR-100, last of 240 epochs.",
  },
});

export const { compare, distill, distillStudentHead, student, sweep, teacher, teacherStudentHead } = experiments;
