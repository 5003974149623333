import type { EmbeddingRows } from '../src/ijb/embeddings/embedding-rows';
import type { IjbImages, TemplatePairs } from '../src/ijb/meta/meta-files';
import { ijbComparison, type TemplateFeatures } from '../src/ijb/protocol/comparison';
import type { IjbResult } from '../src/ijb/protocol/ijb-result';
import { type FeatureSwitches, type IjbEmbeddings, publishedSwitches } from '../src/ijb/protocol/pool-templates';
import { faceCaseBytes, faceCaseText } from './face-cases';

/** Results of the public functions for a small set in IJB-C's layout. */
export interface IjbcTiny {
  readonly images: number;
  readonly dim: number;
  readonly pairs: number;
  readonly genuine: number;
  readonly templates: number;
  readonly template_media_groups: number;
  readonly unique_templates: number[];
  readonly variants: Record<string, IjbcVariant>;
}
export interface IjbcVariant {
  readonly tar_at_far: Record<string, { readonly tar: number; readonly at_fpr: number }>;
  readonly auc: number;
  readonly first_10_scores: number[];
  readonly score_sum: number;
  readonly template_sum: number;
  readonly template_abs_sum: number;
}

const lines = (file: string) => faceCaseText(`ijbc_tiny/meta/${file}`).trimEnd().split('\n');
const column = (file: string, c: number) => lines(file).map((line) => Number(line.split(' ').at(c)));

export const expected = JSON.parse(faceCaseText('ijbc_tiny/expected.json')) as IjbcTiny;

export const images: Pick<IjbImages, 'templates' | 'medias' | 'scores'> = {
  templates: Int32Array.from(column('ijbc_face_tid_mid.txt', 1)),
  medias: Int32Array.from(column('ijbc_face_tid_mid.txt', 2)),
  scores: Float32Array.from(column('ijbc_name_5pts_score.txt', -1)),
};

export const pairs: TemplatePairs = {
  first: Int32Array.from(column('ijbc_template_pair_label.txt', 0)),
  second: Int32Array.from(column('ijbc_template_pair_label.txt', 1)),
  same: Uint8Array.from(column('ijbc_template_pair_label.txt', 2)),
};

/** Rows in memory. */
export function rowsOf(values: Float32Array, dimension: number): EmbeddingRows {
  return {
    images: values.length / dimension,
    dimension,
    read: async (from, count) => values.slice(from * dimension, (from + count) * dimension),
  };
}

export const embeddings = rowsOf(new Float32Array(faceCaseBytes('ijbc_tiny/embeddings.f32')), expected.dim);
export const flipped = rowsOf(new Float32Array(faceCaseBytes('ijbc_tiny/embeddings_flip.f32')), expected.dim);
export const templateFeatures = new Float64Array(faceCaseBytes('ijbc_tiny/template_features.f64'));
export const scores = new Float64Array(faceCaseBytes('ijbc_tiny/scores.f64'));

export interface Evaluated extends IjbEmbeddings, Partial<FeatureSwitches> {
  readonly images: Pick<IjbImages, 'templates' | 'medias' | 'scores'>;
  readonly pairs: TemplatePairs;
  /** Another model, which embeds the first template of each pair. */
  readonly gallery?: IjbEmbeddings;
}

/** The score of each pair. */
export const scorePairs = async (options: Evaluated): Promise<Float64Array> => (await compared(options)).scores;

/** The whole protocol for one model, or for two. */
export async function evaluateIjb(options: Evaluated): Promise<IjbResult> {
  const { comparison, scores } = await compared(options);
  return comparison.evaluate(scores);
}

async function compared({ gallery, flip, norm, detector, ...probes }: Evaluated) {
  const comparison = ijbComparison(probes);
  const given = Object.entries({ flip, norm, detector }).filter(([, value]) => value !== undefined);
  const switches: FeatureSwitches = { ...publishedSwitches, ...Object.fromEntries(given) };
  const pool = async (of: IjbEmbeddings) => (await comparison.pool(of, [switches]))[0] as TemplateFeatures;
  const right = await pool(probes);
  const left = gallery ? await pool(gallery) : right;
  return { comparison, scores: await comparison.score(left, right) };
}
