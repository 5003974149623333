import { classificationSmoke } from '@headshare/core/experiment/classification';

/** Settings by profile: one set for all experiments, so that teacher and student see the same data. */
export const profiles = {
  default: {
    classes: 20,
    imagesPerClass: 200,
    difficulty: 0.4,
    imageSize: 48,
    student: 'resnet8',
    studentWidth: 0.5,
    epochs: 12,
    learningRate: 0.05,
    teacher: 'resnet20',
    teacherWidth: 0.5,
    teacherEpochs: 12,
    teacherLearningRate: 0.05,
    evaluateEvery: 3,
  },
  smoke: classificationSmoke,
  // No public text says how the paper trained on CUB: torchvision's recipe for ImageNet, with a smaller batch;
  // of all images, and the last epoch, as CUB's published numbers are.
  cub200: {
    dataset: 'cub200',
    selectOn: 'last',
    imageSize: 224,
    normalisation: 'imagenet',
    batchSize: 32,
    weightDecay: 1e-4,
    student: 'resnet18',
    epochs: 100,
    learningRate: 0.02,
    teacher: 'resnet50',
    teacherEpochs: 100,
    teacherLearningRate: 0.02,
  },
} as const;
