import { defineExperiment } from '@headshare/core/experiment/define';
import { trainStudent } from '@headshare/core/experiment/network-stages';
import { studentOptions, trainingOptions } from '@headshare/core/experiment/training-options';
import { dataOptions } from '../src/options';
import { profiles } from '../src/profiles';
import { verificationTask } from '../src/verification-task';

export default defineExperiment({
  summary: 'Train the small face model alone',
  options: { ...dataOptions, ...trainingOptions, ...studentOptions },
  profiles,
  run: (context) => trainStudent(context, verificationTask),
});
