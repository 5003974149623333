import { classificationSmoke } from '@headshare/core/recipes/classification';

/**
 * CUB-200-2011 from ImageNet's weights, given by --student-initial and --teacher-initial. The paper's settings are not
 * published; these are PMG's (Du et al., arXiv 2003.03836; train.py of
 * PRIS-CV/PMG-Progressive-Multi-Granularity-Training): 448 pixels, batches of 16, 200 epochs of a cosine from 0.002 for
 * new layers and 0.0002 for the backbone, weight decay 5e-4. Differences: no jigsaw steps and further classifiers, the
 * normalisation of the initial weights instead of a symmetric one, and torchvision's crops.
 */
const fineTuning = {
  dataset: 'cub200',
  // Published numbers are of networks trained on all training images.
  selectOn: 'last',
  normalisation: 'imagenet',
  schedule: 'cosine',
  weightDecay: 5e-4,
  student: 'resnet18',
  epochs: 200,
  backboneRate: 0.1,
  teacher: 'resnet50',
  teacherEpochs: 200,
  teacherBackboneRate: 0.1,
} as const;

/** Settings by profile. All experiments share them, so that teacher and student are trained on the same data. */
export const profiles = {
  default: {
    classes: 20,
    imagesPerClass: 200,
    difficulty: 0.4,
    imageSize: 48,
    student: 'resnet8',
    studentWidth: 0.5,
    epochs: 18,
    learningRate: 0.05,
    teacher: 'resnet20',
    teacherWidth: 0.5,
    teacherEpochs: 18,
    teacherLearningRate: 0.05,
    evaluateEvery: 6,
  },
  smoke: classificationSmoke,
  cub200: {
    ...fineTuning,
    imageSize: 448,
    batchSize: 16,
    learningRate: 0.002,
    teacherLearningRate: 0.002,
  },
  // A quarter of the pixels; batches and learning rates are doubled.
  'cub200-224': {
    ...fineTuning,
    imageSize: 224,
    batchSize: 32,
    learningRate: 0.004,
    teacherLearningRate: 0.004,
  },
} as const;
