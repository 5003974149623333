import { classificationReport } from '@headshare/core/recipes/classification';
import { distillationExperiments } from '@headshare/core/recipes/distillation-experiments';
import { dataOptions } from './options';
import { profiles } from './profiles';
import { birdsTask } from './task';

export const experiments = distillationExperiments({
  ...classificationReport,
  label: 'bird classifier',
  dataOptions,
  profiles,
  methodDefaults: {},
  taskOf: birdsTask,
  imageSize: ({ imageSize }) => imageSize,
});

export const { compare, distill, distillStudentHead, student, sweep, teacher, teacherStudentHead } = experiments;
