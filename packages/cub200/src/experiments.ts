import { classificationDataOptions, classificationReport } from '@headshare/core/experiment/classification';
import { distillationExperiments } from '@headshare/core/experiment/distillation-experiments';
import { profiles } from './profiles';
import { birdsTask } from './task';

export const experiments = distillationExperiments({
  ...classificationReport,
  noun: 'bird classifier',
  dataOptions: classificationDataOptions,
  profiles,
  recipes: {},
  taskOf: birdsTask,
});
