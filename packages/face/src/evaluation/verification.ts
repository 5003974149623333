import { foldBounds } from './folds';
import { type EmbeddedImages, type LabelledPairs, type PairScores, pairScores } from './pair-distances';
import { readablePairs } from './readable-pairs';
import { areaUnderCurve, equalErrorRate, type RocCurve, rocCurve, type TarAtFar, tarAtFar, tarMetrics } from './roc';
import { tenFoldAccuracy, type ValidationRate, validationRate } from './ten-fold';

/** The false accept rates of a result, as published tables write them. */
export const reportedFars = ['1e-1', '1e-2', '1e-3', '1e-4'] as const;

/** How well embeddings verify identity. Rates are 0 to 1. */
export interface VerificationResult {
  readonly genuine: number;
  readonly impostor: number;
  /** 10-fold accuracy, and its population standard deviation over the folds. */
  readonly accuracy: number;
  readonly accuracyStd: number;
  /** VAL at a false accept rate of 1e-3; undefined if a fold lacks a kind of pair. */
  readonly validation: ValidationRate | undefined;
  readonly auc: number;
  readonly eer: number;
  readonly tarAtFar: TarAtFar<(typeof reportedFars)[number]>;
  readonly roc: RocCurve;
}

/**
 * Verifies pairs embedded by one model; with `flipped`, image and mirror image together.
 * @throws RangeError for embeddings that are not finite, sizes that do not match, or pairs of one kind only
 */
export function verify(images: EmbeddedImages & { readonly pairs: LabelledPairs }): VerificationResult {
  const pairs = readablePairs(images.pairs, images);
  return summarise(pairScores(images, images, pairs), pairs.same, foldBounds(pairs.same.length, pairs.folds ?? 10));
}

/**
 * Verifies pairs across two models: a gallery embedded by one (a server's teacher), probes by another (a phone's
 * student). Either image of a pair can be the gallery's, so each pair counts both ways, in the same fold.
 * @throws RangeError like `verify`, and if the two embeddings have different dimensions
 */
export function verifyAcrossModels(options: {
  readonly gallery: EmbeddedImages;
  readonly probe: EmbeddedImages;
  readonly pairs: LabelledPairs;
}): VerificationResult {
  const { gallery, probe } = options;
  const pairs = readablePairs(options.pairs, gallery, probe);
  const bounds = foldBounds(pairs.same.length, pairs.folds ?? 10);
  const left = pairScores(gallery, probe, pairs);
  const right = pairScores(probe, gallery, pairs);
  const scores = {
    distance: interleave(left.distance, right.distance),
    cosine: interleave(left.cosine, right.cosine),
  };
  return summarise(
    scores,
    interleave(pairs.same, pairs.same),
    bounds.map((bound) => 2 * bound),
  );
}

/**
 * Metrics of a result (`accuracy`, `auc`, `eer`, `val_at_far_1e-3`, `tar_at_far_1e-3` ...), each after the prefix,
 * without the rates that have too few pairs.
 */
export function verificationMetrics(result: VerificationResult, prefix = ''): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const name of ['accuracy', 'auc', 'eer'] as const) metrics[`${prefix}${name}`] = result[name];
  if (result.validation) metrics[`${prefix}val_at_far_1e-3`] = result.validation.val;
  return Object.assign(metrics, tarMetrics(result.tarAtFar, prefix));
}

function summarise({ distance, cosine }: PairScores, same: ArrayLike<number>, bounds: Int32Array): VerificationResult {
  const accuracy = tenFoldAccuracy({ distance, same, bounds });
  const roc = rocCurve(cosine, same);
  return {
    genuine: roc.genuine,
    impostor: roc.impostor,
    accuracy: accuracy.mean,
    accuracyStd: accuracy.std,
    validation: validationRate({ distance, same, bounds }),
    auc: areaUnderCurve(roc),
    eer: equalErrorRate(roc),
    tarAtFar: tarAtFar(roc, reportedFars),
    roc,
  };
}

function interleave(first: ArrayLike<number>, second: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: 2 * first.length }, (_, i) => (i % 2 ? second : first)[i >> 1] as number);
}
