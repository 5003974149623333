import { classificationSmoke } from '@headshare/core/recipes/classification';

/** Settings by profile. All experiments share them, so that teacher and student are trained on the same data. */
export const profiles = {
  default: {
    classes: 20,
    imagesPerClass: 200,
    difficulty: 0.4,
    student: 'resnet8',
    epochs: 18,
    learningRate: 0.05,
    teacher: 'resnet20',
    teacherEpochs: 18,
    teacherLearningRate: 0.05,
    evaluateEvery: 6,
  },
  smoke: classificationSmoke,
  // The profiles below reproduce published numbers, which are of the last epoch after training on all training images:
  // they hold no images out.
  // RepDistiller and HeadSharingKD: 240 epochs, the rate divided by 10 after 150, 180 and 210. Their MobileNet and
  // ShuffleNet students start from --learning-rate=0.01.
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
  // torchdistill's ResNet34 and ResNet18: 100 epochs, the rate divided by 10 after 30, 60 and 90. Its teacher is
  // torchvision's (--teacher-weights); its KD (71.37 top-1) is --method=kd --gamma=0.5 --alpha=0.5 --temperature=1.
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
