import { defineExperiment } from '@headshare/core/experiment/define';
import { trainTeacher } from '@headshare/core/experiment/network-stages';
import { teacherOptions, trainingOptions } from '@headshare/core/experiment/training-options';
import { dataOptions } from '../src/options';
import { profiles } from '../src/profiles';
import { verificationTask } from '../src/verification-task';

export default defineExperiment({
  summary: 'Train the large face model',
  options: { ...dataOptions, ...trainingOptions, ...teacherOptions },
  profiles,
  run: (context) => trainTeacher(context, verificationTask),
});
