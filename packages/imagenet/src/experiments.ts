import { classificationDataOptions, classificationReport } from '@headshare/core/experiment/classification';
import { distillationExperiments } from '@headshare/core/experiment/distillation-experiments';
import { profiles } from './profiles';
import { shapesTask } from './task';

export const experiments = distillationExperiments({
  ...classificationReport,
  noun: 'image classifier',
  dataOptions: classificationDataOptions,
  profiles,
  recipes: {},
  taskOf: shapesTask,
});
