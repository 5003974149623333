import { forFiles } from '@headshare/core/experiment/data-options';
import { flag, folder, group, oneOf, optional, type Values } from '@headshare/core/experiment/option';
import { augmentationOptions, classificationDataOptions } from '@headshare/core/recipes/classification';

/** The images to train and test on. */
export const dataOptions = {
  ...group('Data', {
    dataset: {
      ...oneOf(['birds', 'cub200'], 'birds', {
        help: 'birds: synthetic images; cub200: CUB-200-2011 in --data',
      }),
      synthetic: 'birds',
    },
    data: forFiles(
      optional(folder({ help: 'folder of the data set; HEADSHARE_DATA moves the default' }), 'data/cub200'),
    ),
    boxes: forFiles(flag({ help: 'CUB-200-2011: crop images to the bounding boxes' })),
  }),
  ...classificationDataOptions,
  ...augmentationOptions,
};

export type DataValues = Values<typeof dataOptions>;
