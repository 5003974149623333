import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hasAnnotations } from '@headshare/core/data/sources/annotated-split';
import { type DataKind, openedData } from '@headshare/core/data-check/data-kind';
import { writeImageNetExample } from '../data/example-imagenet';
import { imageNetPage, imageNetPlaces, openImageNet } from '../data/imagenet';

const imageNet: DataKind = {
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
    !hasAnnotations(join(folder, 'val')) &&
    imageNetPlaces
      .map((place) => join(folder, place, 'train'))
      .some((train) => existsSync(train) && readdirSync(train).some((name) => /^n\d{8}$/.test(name))),
  open: async (folder, options) => openedData(await openImageNet(folder, options)),
  example: (folder) => writeImageNetExample(folder),
};

export default imageNet;
