import { UserError } from '@headshare/core/runtime/user-error';
import {
  areaUnderCurve,
  curveOfSorted,
  equalErrorRate,
  nearestPoint,
  type OperatingPoint,
  type RocCurve,
  splitScores,
} from '../evaluation/roc';
import { groupImages, templateRows } from './group-images';
import { loadNativeScores } from './native-scores';
import { pairScores } from './pair-scores';
import { poolTemplates } from './pool-templates';
import type { EmbeddingRows, IjbImages, TemplatePairs } from './protocol';
import { type ScoreHistogram, scoreHistogram } from './score-histogram';
import { thinnedCurve } from './thinned-curve';

/** The false accept rates that IJB results are told at. */
export const ijbFars = ['1e-6', '1e-5', '1e-4', '1e-3', '1e-2', '1e-1'] as const;
export type IjbFar = (typeof ijbFars)[number];

/** One model's view of the images: as they are and, where wanted, mirrored. */
export interface IjbEmbeddings {
  readonly embeddings: EmbeddingRows;
  readonly flipped?: EmbeddingRows;
}

/** What to compare. The defaults are those of insightface's script, F1 N1 D1. */
export interface IjbOptions extends IjbEmbeddings {
  readonly images: Pick<IjbImages, 'templates' | 'medias' | 'scores'>;
  readonly pairs: TemplatePairs;
  /** Add the mirrored view (true, where `flipped` is given). */
  readonly flip?: boolean;
  /** Keep each image feature's length (true). */
  readonly norm?: boolean;
  /** Multiply by the detector's confidence (true). */
  readonly detector?: boolean;
  /** Another model, which embeds the first template of each pair. */
  readonly gallery?: IjbEmbeddings;
  readonly signal?: AbortSignal;
  /** Told as a part of the work begins and, with rows of embeddings done, goes on; a gallery is pooled second. */
  readonly onProgress?: (part: IjbPart, done: number, total: number) => void;
}

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

/**
 * IJB-B's and IJB-C's 1:1 protocol as insightface's script measures it, in float64.
 * @throws UserError naming the image whose embedding or score is not finite, or the pair whose template has no images
 */
export async function evaluateIjb(options: IjbOptions): Promise<IjbResult> {
  const groups = groupImages(options.images);
  const scores = await scorePairs(options);
  options.signal?.throwIfAborted();
  options.onProgress?.('curve', 0, 1);
  const curve = await curveOf(scores, options.pairs.same);
  const point = (far: IjbFar): IjbOperatingPoint => ({
    ...nearestPoint(curve, Number(far)),
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
    histogram: scoreHistogram(scores, options.pairs.same),
  };
}

async function curveOf(scores: Float64Array, same: Uint8Array): Promise<RocCurve> {
  const { genuine, impostor } = splitScores(scores, same);
  const native = loadNativeScores();
  if (native) await Promise.all([native.sortAscending(genuine), native.sortAscending(impostor)]);
  else for (const kind of [genuine, impostor]) kind.sort();
  return curveOfSorted(genuine, impostor);
}

/** The score of each pair: dot product of two templates' features. @throws as evaluateIjb does */
export async function scorePairs(options: IjbOptions): Promise<Float64Array> {
  const { images, pairs, gallery, flip = true, norm = true, detector = true, signal, onProgress } = options;
  const { first, second, same } = pairs;
  if (first.length !== second.length || first.length !== same.length) {
    throw new RangeError(`${first.length} first and ${second.length} second templates, but ${same.length} labels`);
  }
  const { dimension } = options.embeddings;
  if (gallery && gallery.embeddings.dimension !== dimension) {
    throw new UserError(
      `The gallery's embeddings have ${gallery.embeddings.dimension} dimensions and the probes' ${dimension}: they cannot be compared.`,
    );
  }
  const groups = groupImages(images);
  // Before minutes of reading: a pair without templates ends the evaluation.
  const rows = { left: templateRows(groups.templates, first), right: templateRows(groups.templates, second) };
  const pool = ({ embeddings, flipped }: IjbEmbeddings) =>
    poolTemplates(embeddings, groups, {
      norm,
      ...(flip && flipped && { flipped }),
      ...(detector && { scores: images.scores }),
      ...(signal && { signal }),
      ...(onProgress && { onProgress: (done, total) => onProgress('pooling', done, total) }),
    });
  const right = await pool(options);
  const left = gallery ? await pool(gallery) : right;
  signal?.throwIfAborted();
  onProgress?.('scores', 0, 1);
  return pairScores(left, right, dimension, rows);
}
