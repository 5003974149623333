import { classificationSmoke } from '@headshare/core/experiment/classification';

/** Settings by profile: one set for all experiments, so that teacher and student see the same data. */
export const profiles = {
  default: {
    student: 'resnet8',
    epochs: 12,
    learningRate: 0.1,
    teacher: 'resnet20',
    teacherEpochs: 12,
    teacherLearningRate: 0.1,
    evaluateEvery: 3,
  },
  smoke: classificationSmoke,
} as const;
