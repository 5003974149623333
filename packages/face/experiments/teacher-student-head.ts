import { defineExperiment } from '@headshare/core/experiment/define';
import { networkOf, trainTeacher } from '@headshare/core/experiment/network-stages';
import { teacherOptions, trainingOptions } from '@headshare/core/experiment/training-options';
import { dataOptions } from '../src/options';
import { profiles } from '../src/profiles';
import { verificationTask } from '../src/verification-task';
import student from './student';

export default defineExperiment({
  summary: "SH-KD's second stage: train the large model under the small one's frozen head",
  needs: { student },
  options: { ...dataOptions, ...trainingOptions, ...teacherOptions },
  profiles,
  run: async (context) => {
    const { folder } = await context.stage(student);
    return trainTeacher(context, verificationTask, { from: networkOf(folder), use: 'frozen' });
  },
});
