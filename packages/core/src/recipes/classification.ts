/** What experiments in classification have in common, whatever the pictures. */

import { integer, number } from '../experiment/option';
import { type SelectionValues, selectionNote, selectionOptions } from './split';

/** What is chosen by, and options of procedural pictures of several kinds. */
export const classificationDataOptions = {
  ...selectionOptions,
  imageSize: integer({ default: 32, min: 16, max: 512, help: 'side of the pictures in pixels' }),
  classes: integer({ default: 40, min: 2, max: 100, help: 'kinds to tell apart' }),
  imagesPerClass: integer({ default: 100, min: 1, help: 'pictures of each to train on' }),
  testImagesPerClass: integer({ default: 25, min: 1, help: 'pictures of each to test with' }),
  difficulty: number({ default: 1, min: 0, max: 1.5, help: 'how much pictures of one kind differ' }),
};

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
