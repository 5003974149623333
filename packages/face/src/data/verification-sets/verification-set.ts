import type { ImageSource } from '@headshare/core/data/sources/image-source';
import type { LabelledPairs } from '../../evaluation/pair-distances';

/** Faces with labelled pairs: lfw, cfp_fp, agedb_30 ... */
export interface VerificationSet {
  readonly name: string;
  /** The file that it was read from. */
  readonly file: string;
  readonly images: ImageSource;
  readonly pairs: LabelledPairs & { readonly folds: number };
}

/** The number of pairs, and of those of the same person. */
export function countPairs({ same }: LabelledPairs): { readonly pairs: number; readonly same: number } {
  return { pairs: same.length, same: Array.from(same).filter((it) => it === 1).length };
}
