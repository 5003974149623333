import { flag, folder, oneOf, optional, type Values } from '@headshare/core/experiment/option';
import { classificationDataOptions } from '@headshare/core/recipes/classification';
import { viewOptions } from '@headshare/core/recipes/encoded-task';

/** Which pictures, and of drawn ones how many. */
export const dataOptions = {
  dataset: oneOf(['birds', 'cub200'], 'birds', { help: 'what networks learn: drawn birds, or CUB-200-2011 in --data' }),
  data: optional(folder({ help: 'where the data set lies; default: data/cub200, or cub200 in HEADSHARE_DATA' })),
  boxes: flag({ help: "of CUB-200-2011: pictures are cropped to the birds' bounding boxes" }),
  ...classificationDataOptions,
  ...viewOptions,
};

export type DataValues = Values<typeof dataOptions>;
