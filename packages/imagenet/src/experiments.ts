import { classificationReport } from '@headshare/core/experiment/classification';
import { distillationExperiments } from '@headshare/core/experiment/distillation-experiments';
import { dataOptions } from './options';
import { profiles } from './profiles';
import { imageTask } from './task';

export const experiments = distillationExperiments({
  ...classificationReport,
  noun: 'image classifier',
  dataOptions,
  profiles,
  recipes: {},
  taskOf: imageTask,
});
