import { classificationSmoke } from '@headshare/core/recipes/classification';

/** Settings by profile: one set for all experiments, so that teacher and student see the same data. */
export const profiles = {
  default: {
    classes: 20,
    imagesPerClass: 200,
    difficulty: 0.4,
    student: 'resnet8',
    epochs: 12,
    learningRate: 0.05,
    teacher: 'resnet20',
    teacherEpochs: 12,
    teacherLearningRate: 0.05,
    evaluateEvery: 3,
  },
  smoke: classificationSmoke,
  // Published numbers are of the last epoch of networks that learned all training images: profiles of published recipes
  // hold none out.
  // RepDistiller's and HeadSharingKD's, whose numbers are published: 240 epochs, the rate over 10 at 150, 180 and 210.
  // MobileNet and ShuffleNet students start from --learning-rate=0.01 there.
  cifar100: {
    dataset: 'cifar100',
    selectOn: 'last',
    shMethod: 'crd',
    normalisation: 'cifar100',
    batchSize: 64,
    schedule: 'multi-step',
    weightDecay: 5e-4,
    student: 'resnet8x4',
    epochs: 240,
    learningRate: 0.05,
    teacher: 'resnet32x4',
    teacherEpochs: 240,
    teacherLearningRate: 0.05,
  },
  // torchdistill's ResNet34 and ResNet18: 100 epochs, the rate over 10 at 30, 60 and 90. Its teacher is torchvision's
  // (--teacher-weights), and its KD, of 71.37 top-1, is --method=kd --gamma=0.5 --alpha=0.5 --temperature=1.
  imagenet: {
    dataset: 'imagenet',
    selectOn: 'last',
    imageSize: 224,
    normalisation: 'imagenet',
    batchSize: 256,
    schedule: 'multi-step',
    milestones: [0.3, 0.6, 0.9],
    weightDecay: 1e-4,
    student: 'resnet18',
    epochs: 100,
    learningRate: 0.1,
    teacher: 'resnet34',
    teacherEpochs: 100,
    teacherLearningRate: 0.1,
  },
} as const;
