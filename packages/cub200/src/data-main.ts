import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dataCommand } from '@headshare/core/data-check/data-command';
import type { DataKind } from '@headshare/core/data-check/data-kind';
import { cub200Page, openCub200 } from './data/cub200';
import { writeCub200Example } from './data/example-cub200';

const cub200Kind: DataKind = {
  name: 'cub200',
  title: 'CUB-200-2011',
  page: cub200Page,
  layout: [
    'CUB_200_2011/images/001.Black_footed_Albatross/*.jpg (200 such folders)',
    'CUB_200_2011/{images,image_class_labels,train_test_split,classes,bounding_boxes}.txt',
  ],
  published: { classes: 200, train: 5994, test: 5794 },
  matches: (folder) => ['', 'CUB_200_2011'].some((at) => existsSync(join(folder, at, 'images.txt'))),
  open: (folder, options) => openCub200(folder, { ...options, crop: 'if-boxes' }),
  example: (folder) => writeCub200Example(folder),
};

dataCommand('cub200', [cub200Kind], process.argv.slice(2), console.log).then((exitCode) => {
  process.exitCode = exitCode;
});
