import { UserError } from '@headshare/core/system/user-error';
import type { EmbeddedImages, LabelledPairs } from './pair-distances';

/**
 * The pairs whose images can be read, in their order; folds are made of these.
 * @throws UserError if too few are left, or only pairs of one kind
 */
export function readablePairs(pairs: LabelledPairs, ...models: readonly EmbeddedImages[]): LabelledPairs {
  if (models.every(({ leftOut }) => (leftOut?.size ?? 0) === 0)) return pairs;
  const isLeftOut = (image: number | undefined) => models.some(({ leftOut }) => leftOut?.has(image as number));
  const all = Array.from({ length: pairs.same.length }, (_, pair) => pair);
  const kept = all.filter((pair) => !isLeftOut(pairs.left[pair]) && !isLeftOut(pairs.right[pair]));
  const pick = (values: ArrayLike<number>) => Int32Array.from(kept, (pair) => values[pair] as number);
  const { folds = 10 } = pairs;
  const same = pick(pairs.same);
  if (same.length < folds || !same.includes(0) || !same.includes(1)) {
    throw new UserError(
      `Without images that cannot be read, ${same.length} of ${all.length} pairs of a verification set are left: too few, or of one kind only, for its ${folds} folds.`,
      1,
    );
  }
  return { ...pairs, left: pick(pairs.left), right: pick(pairs.right), same };
}
