import { classificationSmoke } from '@headshare/core/experiment/classification';

/** Settings by profile: one set for all experiments, so that teacher and student see the same data. */
export const profiles = {
  default: {
    imageSize: 48,
    student: 'resnet8',
    studentWidth: 0.5,
    epochs: 12,
    learningRate: 0.1,
    teacher: 'resnet20',
    teacherWidth: 0.5,
    teacherEpochs: 12,
    teacherLearningRate: 0.1,
    evaluateEvery: 3,
  },
  smoke: classificationSmoke,
} as const;
