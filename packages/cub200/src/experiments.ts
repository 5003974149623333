import { distillationExperiments } from '@headshare/core/experiment/distillation-experiments';
import { dataOptions } from './options';
import { profiles } from './profiles';
import { birdsTask } from './task';

export const experiments = distillationExperiments({
  noun: 'bird classifier',
  dataOptions,
  profiles,
  recipes: {},
  taskOf: birdsTask,
  columns: [
    { metric: 'top1', title: 'top-1', percent: true },
    { metric: 'top5', title: 'top-5', percent: true },
    { metric: 'ece', title: 'ECE', percent: true },
    { metric: 'agreement', title: 'agrees with teacher', percent: true },
  ],
  pictured: ['top1', 'agreement'],
  notes: ['Test pictures were never trained on; last epoch.'],
});
