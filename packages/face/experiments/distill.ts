import { defineExperiment } from '@headshare/core/experiment/define';
import { trainStudent } from '@headshare/core/experiment/network-stages';
import { methodOptions, studentOptions, trainingOptions } from '@headshare/core/experiment/training-options';
import { dataOptions } from '../src/options';
import { profiles } from '../src/profiles';
import { recipes } from '../src/recipes';
import { summaryTable } from '../src/summary';
import { verificationTask } from '../src/verification-task';
import distillStudentHead from './distill-student-head';
import teacher from './teacher';
import teacherStudentHead from './teacher-student-head';

export default defineExperiment({
  summary: 'Distil a small face model from a large one',
  needs: { teacher },
  uses: { distillStudentHead, teacherStudentHead },
  options: { ...dataOptions, ...trainingOptions, ...studentOptions, ...methodOptions },
  profiles,
  run: async (context) => {
    const { method } = context.options;
    // SH-KD is a teacher of another kind rather than another loss: its stages are experiments of their own.
    const large = await context.stage(method === 'sh-kd' ? teacherStudentHead : teacher);
    const small =
      method === 'sh-kd'
        ? (await context.stage(distillStudentHead)).result
        : await trainStudent(context, verificationTask, {
            taught: { method, teacher: large.folder, weights: context.options, recipes },
          });
    return { ...small, summary: summaryTable({ teacher: large.result, [`student, ${method}`]: small }) };
  },
});
