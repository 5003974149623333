import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { dataCommand } from '@headshare/core/data-check/data-command';
import { cifarKind, classFolderKind, type DataKind } from '@headshare/core/data-check/data-kind';
import { writeImageNetExample } from './data/example-imagenet';
import { imageNetPage, imageNetPlaces, openImageNet } from './data/imagenet';

const imageNetKind: DataKind = {
  name: 'imagenet',
  title: 'ImageNet (ILSVRC 2012)',
  page: imageNetPage,
  layout: [
    'train/n01440764/*.JPEG (1000 such folders)',
    'val/n01440764/*.JPEG, or val/ILSVRC2012_val_*.JPEG and',
    'ILSVRC2012_devkit_t12/data/{ILSVRC2012_validation_ground_truth.txt,meta.mat}',
  ],
  published: { classes: 1000, train: 1_281_167, test: 50_000 },
  matches: (folder) =>
    imageNetPlaces
      .map((place) => join(folder, place, 'train'))
      .some((train) => existsSync(train) && readdirSync(train).some((name) => /^n\d{8}$/.test(name))),
  open: async (folder, options) => {
    const { notes: remarks, ...splits } = await openImageNet(folder, options);
    return { ...splits, ...(remarks && { remarks }) };
  },
  example: (folder) => writeImageNetExample(folder),
};

dataCommand(
  'imagenet',
  [imageNetKind, cifarKind('cifar100'), cifarKind('cifar10'), classFolderKind],
  process.argv.slice(2),
  console.log,
).then((exitCode) => {
  process.exitCode = exitCode;
});
