import { UserError } from '@headshare/core/system/user-error';
import type { IjbImages, TemplatePairs } from '../meta/meta-files';
import { groupImages, templateRows } from './group-images';
import { type IjbResult, ijbResult } from './ijb-result';
import { pairScores } from './pair-scores';
import { type FeatureSwitches, type IjbEmbeddings, type PoolingOptions, poolTemplates } from './pool-templates';

/** Features of all templates by one model. */
export interface TemplateFeatures {
  readonly dimension: number;
  /** [templates, dimension], of length 1. */
  readonly values: Float64Array;
}

export interface IjbComparison {
  /**
   * One model's features in each of the variants, from one pass over its embeddings.
   * @throws UserError that names the image whose embedding or score is not finite
   */
  pool(
    embeddings: IjbEmbeddings,
    variants: readonly FeatureSwitches[],
    options?: Pick<PoolingOptions, 'signal' | 'onProgress' | 'onZero'>,
  ): Promise<TemplateFeatures[]>;
  /** The score of each pair: the dot product of its first template's features by `gallery`, its second's by `probes`. */
  score(gallery: TemplateFeatures, probes: TemplateFeatures): Promise<Float64Array>;
  evaluate(scores: Float64Array): Promise<IjbResult>;
}

/**
 * The 1:1 protocol of IJB-B and IJB-C as insightface's script measures it, in float64.
 * @throws UserError that names the pair whose template has no images
 */
export function ijbComparison({
  images,
  pairs: { first, second, same },
}: {
  readonly images: Pick<IjbImages, 'templates' | 'medias' | 'scores'>;
  readonly pairs: TemplatePairs;
}): IjbComparison {
  if (first.length !== second.length || first.length !== same.length) {
    throw new RangeError(`${first.length} first and ${second.length} second templates, but ${same.length} labels`);
  }
  const groups = groupImages(images);
  // Checked before embeddings are read, which takes minutes.
  const rows = { left: templateRows(groups.templates, first), right: templateRows(groups.templates, second) };
  return {
    async pool(embeddings, variants, options) {
      const pooled = await poolTemplates(embeddings, groups, { variants, scores: images.scores, ...options });
      return pooled.map((values) => ({ dimension: embeddings.embeddings.dimension, values }));
    },
    async score(gallery, probes) {
      requireComparable(gallery, probes);
      return pairScores(gallery.values, probes.values, probes.dimension, rows);
    },
    evaluate: (scores) =>
      ijbResult(scores, same, {
        images: groups.groupOf.length,
        templates: groups.templates.length,
        medias: groups.sizes.length,
      }),
  };
}

/** @throws UserError if two models' embeddings differ in length */
export function requireComparable(
  gallery: { readonly dimension: number },
  probes: { readonly dimension: number },
): void {
  if (gallery.dimension === probes.dimension) return;
  throw new UserError(
    `The gallery's embeddings have ${gallery.dimension} dimensions and the probes' ${probes.dimension}: they cannot be compared.`,
  );
}
