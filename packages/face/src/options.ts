import { allFor, forFiles } from '@headshare/core/experiment/data-options';
import { folder, group, integer, number, oneOf, optional, text, type Values } from '@headshare/core/experiment/option';
import { size } from '@headshare/core/experiment/size-option';
import { verifyDataOption } from '@headshare/core/experiment/verify-data';
import { unreadableOptions } from '@headshare/core/recipes/unreadable';

/** One meaning for training and `face:evaluate`. */
export const unreadableOption = oneOf(['fail', 'skip', 'black'], 'fail', {
  help: 'unreadable images of pairs: fail, or skip the pairs; of IJB: fail or black',
});

export const datasets = ['procedural', 'ms1m', 'folder'] as const;

/** The faces to train on and the verification sets. */
export const dataOptions = group('Data', {
  dataset: {
    ...oneOf(datasets, 'procedural', {
      also: { synthetic: 'procedural' },
      help: 'synthetic (procedural): faces; ms1m: train.rec; folder: identities',
    }),
    synthetic: 'procedural',
  },
  data: forFiles(optional(folder({ help: 'folder of the data set; HEADSHARE_DATA moves the default' }), 'data/face')),
  verifyData: forFiles(verifyDataOption),
  verification: forFiles(
    optional(folder({ help: 'folder of verification sets: *.bin, or pairs.txt beside LFW images' }), '--data'),
  ),
  ijb: optional(
    folder({ help: 'folder of IJB-C or IJB-B, to measure finished networks on' }),
    '--data, if it has them',
  ),
  selectBy: forFiles(
    text({
      default: 'mean',
      help: 'verification set whose accuracy chooses the best epoch; mean: of all sets',
    }),
  ),
  ...allFor('files', { ...unreadableOptions, unreadable: unreadableOption }),
  // A profile's size and number are those of its synthetic faces.
  imageSize: {
    ...optional(size({ min: 16, max: 512, help: 'size in pixels: 112, or 112x96' }), '48, or as a data set has them'),
    ofData: true,
  },
  identities: {
    ...optional(integer({ min: 2, help: 'identities to train on' }), '400 synthetic ones, or all of a data set'),
    ofData: true,
  },
  minImages: forFiles(integer({ default: 1, min: 1, help: 'data sets: skip identities with fewer images' })),
  identityDraw: forFiles(
    optional(integer({ min: 0, help: 'data sets: seed to choose --identities at random' }), 'the first ones'),
  ),
  ...allFor('synthetic', {
    imagesPerIdentity: integer({ default: 24, min: 1, help: 'synthetic data: images per identity' }),
    difficulty: number({ default: 1, min: 0, max: 2, help: 'synthetic data: variation within an identity' }),
    verificationIdentities: integer({
      default: 200,
      min: 20,
      help: 'synthetic data: test identities, none of them trained on',
    }),
    verificationPairs: integer({
      default: 10_000,
      min: 20,
      help: 'synthetic data: number of genuine, and of impostor pairs; multiple of 10',
    }),
  }),
});

export type DataValues = Values<typeof dataOptions>;
