import { folder, oneOf, optional, type Values } from '@headshare/core/experiment/option';
import { classificationDataOptions } from '@headshare/core/recipes/classification';
import { viewOptions } from '@headshare/core/recipes/encoded-task';

export const datasets = ['shapes', 'cifar100', 'cifar10', 'imagenet', 'folder'] as const;

/** Which pictures, and of drawn ones how many. */
export const dataOptions = {
  dataset: oneOf(datasets, 'shapes', {
    help: 'what networks learn: drawn shapes, or what lies in --data: a published data set, or any folder of class folders',
  }),
  data: optional(folder({ help: 'where the data set lies; default: data/imagenet, or imagenet in HEADSHARE_DATA' })),
  ...classificationDataOptions,
  ...viewOptions,
};

export type DataValues = Values<typeof dataOptions>;
