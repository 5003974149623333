import type { EmbeddingRows, IjbImages, TemplatePairs } from '../src/ijb/protocol/protocol';
import { faceCaseBytes, faceCaseText } from './face-cases';

/** What the public functions gave for a small set in IJB-C's layout. */
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

/** Rows that lie in memory after all. */
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
