import { forFiles } from '@headshare/core/experiment/data-options';
import { folder, group, oneOf, optional, type Values } from '@headshare/core/experiment/option';
import { augmentationOptions, classificationDataOptions } from '@headshare/core/recipes/classification';
import { dataKinds } from './datasets';

const inFiles = dataKinds.map(({ name }) => name).reverse();

/** The images to train and test on. */
export const dataOptions = {
  ...group('Data', {
    dataset: {
      ...oneOf(['shapes', ...inFiles], 'shapes', { help: 'synthetic, or in --data' }),
      synthetic: 'shapes',
    },
    data: forFiles(
      optional(folder({ help: 'folder of the data set; HEADSHARE_DATA moves the default' }), 'data/imagenet'),
    ),
  }),
  ...classificationDataOptions,
  ...augmentationOptions,
};

export type DataValues = Values<typeof dataOptions>;
