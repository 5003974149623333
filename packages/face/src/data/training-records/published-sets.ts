/** Training sets that insightface distributes as `train.rec` (see its recognition/_datasets_ and arcface_torch/configs). */
export const publishedSets = [
  { title: 'MS1MV3', identities: 93_431, images: 5_179_510 },
  { title: 'MS1MV2', identities: 85_742, images: 5_822_653 },
  { title: 'Glint360K', identities: 360_232, images: 17_091_657 },
  { title: 'CASIA-WebFace', identities: 10_572, images: 494_414 },
  { title: 'WebFace42M', identities: 2_059_906, images: 42_474_557 },
] as const;

/** Numbers of pairs of the verification sets, by the names of their files. */
export const publishedPairs: ReadonlyMap<string, number> = new Map([
  ['lfw', 6000],
  ['agedb_30', 6000],
  ['calfw', 6000],
  ['cplfw', 6000],
  ['cfp_fp', 7000],
  ['cfp_ff', 7000],
]);

export const publishedSetsPage = 'https://github.com/deepinsight/insightface/tree/master/recognition/_datasets_';
