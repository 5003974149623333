import { integer, number, type Values } from '@headshare/core/experiment/option';

/** What faces networks learn from and are judged on. */
export const dataOptions = {
  imageSize: integer({ default: 48, min: 16, max: 512, help: 'side of the pictures in pixels' }),
  identities: integer({ default: 400, min: 2, help: 'people to train on' }),
  imagesPerIdentity: integer({ default: 24, min: 1, help: 'pictures of each of them' }),
  difficulty: number({ default: 1, min: 0, max: 2, help: 'how much pictures of one person differ' }),
  verificationIdentities: integer({ default: 200, min: 20, help: 'people to verify, none of them trained on' }),
  verificationPairs: integer({ default: 10_000, min: 20, help: 'genuine and impostor pairs each; a multiple of 10' }),
};

export type DataValues = Values<typeof dataOptions>;
