import { UserError } from '@headshare/core/system/user-error';
import {
  areaUnderCurve,
  curveOfSorted,
  equalErrorRate,
  type OperatingPoint,
  operatingPoint,
  type RocCurve,
  splitScores,
} from '../../evaluation/roc';
import { groupImages, templateRows } from './group-images';
import { loadNativeScores } from './native-scores';
import { pairScores } from './pair-scores';
import { type FeatureSwitches, type IjbEmbeddings, type PoolingOptions, poolTemplates } from './pool-templates';
import type { IjbImages, TemplatePairs } from './protocol';
import { type ScoreHistogram, scoreHistogram } from './score-histogram';
import { thinnedCurve } from './thinned-curve';

/** The false accept rates that IJB results are told at. */
export const ijbFars = ['1e-6', '1e-5', '1e-4', '1e-3', '1e-2', '1e-1'] as const;
export type IjbFar = (typeof ijbFars)[number];

/** Which templates of which images are compared. */
export interface IjbProtocol {
  readonly images: Pick<IjbImages, 'templates' | 'medias' | 'scores'>;
  readonly pairs: TemplatePairs;
}

/** What to compare. The defaults are those of insightface's script, F1 N1 D1. */
export interface IjbOptions extends IjbProtocol, IjbEmbeddings, Partial<FeatureSwitches> {
  /** Another model, which embeds the first template of each pair. */
  readonly gallery?: IjbEmbeddings;
  readonly signal?: AbortSignal;
  /** Told as a part of the work begins and, with rows of embeddings done, goes on; a gallery is pooled second. */
  readonly onProgress?: IjbProgress;
}

export type IjbProgress = (part: IjbPart, done: number, total: number) => void;

export type IjbPart = 'pooling' | 'scores' | 'curve';

/** How well templates are told apart. Rates are 0 to 1, scores -1 to 1. */
export interface IjbResult {
  readonly counts: {
    readonly images: number;
    /** Templates that have images. */
    readonly templates: number;
    /** Medias, counted once for each template that they occur in. */
    readonly medias: number;
    readonly pairs: number;
    readonly genuine: number;
    readonly impostor: number;
  };
  /** By the public script's rule, the nearest point of the curve. */
  readonly tarAtFar: Readonly<Record<IjbFar, IjbOperatingPoint>>;
  readonly auc: number;
  readonly eer: number;
  /** Points for pictures: a few thousand of the curve's, never more than 0.1 % of TAR or 1 % of FAR apart. */
  readonly roc: RocCurve;
  readonly histogram: ScoreHistogram;
}

export interface IjbOperatingPoint extends OperatingPoint {
  /** Whether there are impostor pairs enough, 1 / FAR, for the rate to mean something. */
  readonly measurable: boolean;
}

/** Features of all templates by one model. */
export interface TemplateFeatures {
  readonly dimension: number;
  /** [templates, dimension], of length 1. */
  readonly values: Float64Array;
}

export interface IjbComparison {
  /**
   * One model's features in each of the ways, from one pass over its embeddings.
   * @throws UserError naming the image whose embedding or score is not finite
   */
  pool(
    views: IjbEmbeddings,
    variants: readonly FeatureSwitches[],
    options?: Pick<PoolingOptions, 'signal' | 'onProgress'>,
  ): Promise<TemplateFeatures[]>;
  /** The score of each pair: dot product of its first template's features by one model, its second's by the other. */
  score(gallery: TemplateFeatures, probes: TemplateFeatures): Promise<Float64Array>;
  /** How well these scores tell templates apart. */
  judge(scores: Float64Array): Promise<IjbResult>;
}

/**
 * IJB-B's and IJB-C's 1:1 protocol as insightface's script measures it, in float64.
 * @throws UserError naming the pair whose template has no images
 */
export function ijbComparison({ images, pairs }: IjbProtocol): IjbComparison {
  const { first, second, same } = pairs;
  if (first.length !== second.length || first.length !== same.length) {
    throw new RangeError(`${first.length} first and ${second.length} second templates, but ${same.length} labels`);
  }
  const groups = groupImages(images);
  // Before minutes of reading: a pair without templates ends the evaluation.
  const rows = { left: templateRows(groups.templates, first), right: templateRows(groups.templates, second) };
  return {
    async pool(views, variants, options) {
      const pooled = await poolTemplates(views, groups, { variants, scores: images.scores, ...options });
      return pooled.map((values) => ({ dimension: views.embeddings.dimension, values }));
    },
    score(gallery, probes) {
      requireComparable(gallery, probes);
      return pairScores(gallery.values, probes.values, probes.dimension, rows);
    },
    async judge(scores) {
      const curve = await curveOf(scores, same);
      const point = (far: IjbFar): IjbOperatingPoint => ({
        ...operatingPoint(curve, Number(far)),
        measurable: curve.impostor >= Math.round(1 / Number(far)),
      });
      return {
        counts: {
          images: groups.groupOf.length,
          templates: groups.templates.length,
          medias: groups.sizes.length,
          pairs: scores.length,
          genuine: curve.genuine,
          impostor: curve.impostor,
        },
        tarAtFar: Object.fromEntries(ijbFars.map((far) => [far, point(far)])) as Record<IjbFar, IjbOperatingPoint>,
        auc: areaUnderCurve(curve),
        eer: equalErrorRate(curve),
        roc: thinnedCurve(curve),
        histogram: scoreHistogram(scores, same),
      };
    },
  };
}

/** @throws UserError where two models' embeddings differ in length */
export function requireComparable(
  gallery: { readonly dimension: number },
  probes: { readonly dimension: number },
): void {
  if (gallery.dimension === probes.dimension) return;
  throw new UserError(
    `The gallery's embeddings have ${gallery.dimension} dimensions and the probes' ${probes.dimension}: they cannot be compared.`,
  );
}

/** All of the protocol for one model, or for two. @throws as `ijbComparison` and its `pool` do */
export async function evaluateIjb(options: IjbOptions): Promise<IjbResult> {
  const comparison = ijbComparison(options);
  const scores = await scoresOf(comparison, options);
  options.signal?.throwIfAborted();
  options.onProgress?.('curve', 0, 1);
  return comparison.judge(scores);
}

/** The score of each pair. @throws as evaluateIjb does */
export const scorePairs = async (options: IjbOptions): Promise<Float64Array> =>
  scoresOf(ijbComparison(options), options);

async function scoresOf(
  comparison: IjbComparison,
  { gallery, flip = true, norm = true, detector = true, signal, onProgress, ...views }: IjbOptions,
): Promise<Float64Array> {
  if (gallery) requireComparable(gallery.embeddings, views.embeddings);
  const pool = async (of: IjbEmbeddings) => {
    const [features] = await comparison.pool(of, [{ flip, norm, detector }], {
      ...(signal && { signal }),
      ...(onProgress && { onProgress: (done, total) => onProgress('pooling', done, total) }),
    });
    return features as TemplateFeatures;
  };
  const probes = await pool(views);
  const left = gallery ? await pool(gallery) : probes;
  signal?.throwIfAborted();
  onProgress?.('scores', 0, 1);
  return comparison.score(left, probes);
}

async function curveOf(scores: Float64Array, same: Uint8Array): Promise<RocCurve> {
  const { genuine, impostor } = splitScores(scores, same);
  const native = loadNativeScores();
  if (native) await Promise.all([native.sortAscending(genuine), native.sortAscending(impostor)]);
  else for (const kind of [genuine, impostor]) kind.sort();
  return curveOfSorted(genuine, impostor);
}
