import { defineExperiment } from '@headshare/core/experiment/define';
import { networkOf, trainStudent } from '@headshare/core/experiment/network-stages';
import { studentHeadOptions, studentOptions, trainingOptions } from '@headshare/core/experiment/training-options';
import { dataOptions } from '../src/options';
import { profiles } from '../src/profiles';
import { recipes } from '../src/recipes';
import { summaryTable } from '../src/summary';
import { verificationTask } from '../src/verification-task';
import student from './student';
import teacherStudentHead from './teacher-student-head';

export default defineExperiment({
  summary: "SH-KD's last stage: distil a new small face model from the teacher under the first one's head",
  needs: { student, teacherStudentHead },
  options: { ...dataOptions, ...trainingOptions, ...studentOptions, ...studentHeadOptions },
  profiles,
  run: async (context) => {
    const { shMethod, studentHead } = context.options;
    const first = await context.stage(student);
    const teacher = await context.stage(teacherStudentHead);
    const result = await trainStudent(context, verificationTask, {
      taught: { method: shMethod, teacher: teacher.folder, weights: context.options, recipes },
      ...(studentHead !== 'own' && { sharedHead: { from: networkOf(first.folder), use: studentHead } }),
    });
    const rows = { 'student alone': first.result, 'teacher, shared head': teacher.result, 'student, sh-kd': result };
    return { ...result, summary: summaryTable(rows) };
  },
});
