import { folder, integer, number, oneOf, optional, text, type Values } from '@headshare/core/experiment/option';

export const datasets = ['procedural', 'ms1m', 'folder'] as const;

/** What faces networks learn from and are judged on. */
export const dataOptions = {
  dataset: oneOf(datasets, 'procedural', {
    help: "what networks learn: drawn faces, or what lies in --data: train.rec as insightface's sets have it (MS1M, Glint360K ...), or a folder for each identity",
  }),
  data: optional(folder({ help: 'where the data set lies; default: data/face, or face in HEADSHARE_DATA' })),
  verification: optional(
    folder({
      help: "where verification sets lie: *.bin (lfw, cfp_fp ...), pairs.txt with LFW's images; default: --data",
    }),
  ),
  selectBy: text({ default: 'mean', help: 'the verification set that tells networks apart, or the mean of all' }),
  imageSize: integer({ default: 48, min: 16, max: 512, help: 'side of drawn faces in pixels; others keep theirs' }),
  identities: optional(
    integer({ default: 400, min: 2, help: 'people to train on; default: 400 drawn ones, or all of a data set' }),
  ),
  minImages: integer({ default: 1, min: 1, help: 'of a data set: only people with so many pictures' }),
  identityDraw: optional(
    integer({ default: 0, min: 0, help: 'of a data set: draws --identities by this seed; default: the first ones' }),
  ),
  imagesPerIdentity: integer({ default: 24, min: 1, help: 'pictures of each drawn face' }),
  difficulty: number({ default: 1, min: 0, max: 2, help: 'how much pictures of one drawn face differ' }),
  verificationIdentities: integer({ default: 200, min: 20, help: 'drawn faces to verify, none of them trained on' }),
  verificationPairs: integer({
    default: 10_000,
    min: 20,
    help: 'genuine and impostor pairs of drawn faces each; a multiple of 10',
  }),
};

export type DataValues = Values<typeof dataOptions>;
