/** What experiments in classification have in common, whatever the pictures. */

import { group, integer, number } from '../experiment/option';
import { type SelectionValues, selectionNote, selectionOptions } from './split';

/** The options of the training and test images of every classification package. */
export const classificationDataOptions = group('Data', {
  ...selectionOptions,
  imageSize: integer({ default: 32, min: 16, max: 512, help: 'width and height of images in pixels' }),
  classes: integer({ default: 40, min: 2, max: 100, help: 'synthetic data: number of classes' }),
  imagesPerClass: integer({ default: 100, min: 1, help: 'synthetic data: training images per class' }),
  testImagesPerClass: integer({ default: 25, min: 1, help: 'synthetic data: test images per class' }),
  difficulty: number({ default: 1, min: 0, max: 1.5, help: 'synthetic data: variation within a class' }),
});

/** Seconds of work, to see that everything goes through. */
export const classificationSmoke = {
  imageSize: 32,
  classes: 5,
  imagesPerClass: 20,
  testImagesPerClass: 8,
  batchSize: 20,
  student: 'resnet8',
  studentWidth: 0.5,
  epochs: 1,
  teacher: 'resnet8',
  teacherEpochs: 1,
} as const;

/** How classifiers are reported. */
export const classificationReport = {
  columns: [
    { metric: 'top1', title: 'top-1', percent: true },
    { metric: 'best/top1', title: 'best epoch', percent: true },
    { metric: 'top5', title: 'top-5', percent: true },
    { metric: 'ece', title: 'ECE', percent: true },
    { metric: 'agreement', title: 'agrees with teacher', percent: true },
  ],
  chartMetrics: ['top1', 'agreement'],
  notes: (options: SelectionValues) => [selectionNote(options)],
} as const;
