import { foldBounds } from './folds';
import { type EmbeddedImages, type ImagePairs, type PairScores, pairScores } from './pair-distances';
import { areaUnderCurve, equalErrorRate, type RocCurve, rocCurve, type TarAtFar, tarAtFar } from './roc';
import { tenFoldAccuracy, type ValidationRate, validationRate } from './ten-fold';

/** Pairs with their label: 1 the same person, 0 different people. Folds are cut by position. */
export interface LabelledPairs extends ImagePairs {
  readonly same: ArrayLike<number>;
  /** 10 when left out. */
  readonly folds?: number;
}

/** The false accept rates of a result, as published tables write them. */
export const reportedFars = ['1e-1', '1e-2', '1e-3', '1e-4'] as const;
export type ReportedFar = (typeof reportedFars)[number];

/** How well embeddings tell people apart. Rates are 0 to 1. */
export interface VerificationResult {
  readonly genuine: number;
  readonly impostor: number;
  /** 10-fold accuracy, and its population standard deviation over the folds. */
  readonly accuracy: number;
  readonly accuracyStd: number;
  /** Mean over the folds of the threshold on the squared distance (0 to 4) that each was judged with. */
  readonly threshold: number;
  /** VAL at a false accept rate of 1e-3; undefined where a fold lacks a kind of pair. */
  readonly validation: ValidationRate | undefined;
  readonly auc: number;
  readonly eer: number;
  readonly tarAtFar: Readonly<Record<ReportedFar, TarAtFar>>;
  /** The curve itself, for pictures. */
  readonly roc: RocCurve;
}

/**
 * Verification of pairs embedded by one model; with `flipped`, image and mirror image together.
 * Throws RangeError on embeddings that are not finite, sizes that do not fit, or pairs of one kind only.
 */
export function verify(images: EmbeddedImages & { readonly pairs: LabelledPairs }): VerificationResult {
  const { pairs } = images;
  return summarise(pairScores(images, images, pairs), pairs.same, foldBounds(pairs.same.length, pairs.folds ?? 10));
}

/** Verification where one image of each pair is embedded by the gallery's model, the other by the probe's. */
export interface CrossModelResult {
  /** Each pair once in either direction. */
  readonly both: VerificationResult;
  /** Left image embedded by the gallery's model, right one by the probe's. */
  readonly galleryLeft: VerificationResult;
  readonly galleryRight: VerificationResult;
}

/**
 * Verification across two models: a gallery embedded by one (a server's teacher), probes by another (a phone's
 * student). Which image of a pair is the gallery's is arbitrary, so both ways count, and stay in the same fold.
 * Throws RangeError like `verify`, and when the two embeddings have different dimensions.
 */
export function verifyAcrossModels(options: {
  readonly gallery: EmbeddedImages;
  readonly probe: EmbeddedImages;
  readonly pairs: LabelledPairs;
}): CrossModelResult {
  const { gallery, probe, pairs } = options;
  const bounds = foldBounds(pairs.same.length, pairs.folds ?? 10);
  const left = pairScores(gallery, probe, pairs);
  const right = pairScores(probe, gallery, pairs);
  return {
    both: summarise(
      { distance: interleave(left.distance, right.distance), cosine: interleave(left.cosine, right.cosine) },
      interleave(pairs.same, pairs.same),
      bounds.map((bound) => 2 * bound),
    ),
    galleryLeft: summarise(left, pairs.same, bounds),
    galleryRight: summarise(right, pairs.same, bounds),
  };
}

/**
 * A result's numbers by the names they are logged under (`accuracy`, `auc`, `eer`, `tar_at_far_1e-3` ...), each after
 * the prefix; rates that the pairs are too few to measure are left out.
 */
export function verificationMetrics(result: VerificationResult, prefix = ''): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const name of ['accuracy', 'auc', 'eer'] as const) metrics[`${prefix}${name}`] = result[name];
  for (const far of reportedFars) {
    const { tar } = result.tarAtFar[far];
    if (tar !== undefined) metrics[`${prefix}tar_at_far_${far}`] = tar;
  }
  return metrics;
}

function summarise({ distance, cosine }: PairScores, same: ArrayLike<number>, bounds: Int32Array): VerificationResult {
  const accuracy = tenFoldAccuracy({ distance, same, bounds });
  const roc = rocCurve(cosine, same);
  return {
    genuine: roc.genuine,
    impostor: roc.impostor,
    accuracy: accuracy.mean,
    accuracyStd: accuracy.std,
    threshold: accuracy.thresholds.reduce((sum, threshold) => sum + threshold, 0) / accuracy.thresholds.length,
    validation: validationRate({ distance, same, bounds }),
    auc: areaUnderCurve(roc),
    eer: equalErrorRate(roc),
    tarAtFar: {
      '1e-1': tarAtFar(roc, 1e-1),
      '1e-2': tarAtFar(roc, 1e-2),
      '1e-3': tarAtFar(roc, 1e-3),
      '1e-4': tarAtFar(roc, 1e-4),
    },
    roc,
  };
}

function interleave(first: ArrayLike<number>, second: ArrayLike<number>): Float64Array {
  const merged = new Float64Array(2 * first.length);
  for (let i = 0; i < first.length; i++) {
    merged[2 * i] = first[i] as number;
    merged[2 * i + 1] = second[i] as number;
  }
  return merged;
}
