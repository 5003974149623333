import { integer, number, type Values } from '@headshare/core/experiment/option';

/** What networks learn from and are judged on. */
export const dataOptions = {
  imageSize: integer({ default: 32, min: 16, max: 512, help: 'side of the pictures in pixels' }),
  classes: integer({ default: 40, min: 2, max: 100, help: 'kinds to tell apart' }),
  imagesPerClass: integer({ default: 100, min: 1, help: 'pictures of each to train on' }),
  testImagesPerClass: integer({ default: 25, min: 1, help: 'pictures of each to test with' }),
  difficulty: number({ default: 1, min: 0, max: 1.5, help: 'how much pictures of one kind differ' }),
};

export type DataValues = Values<typeof dataOptions>;
