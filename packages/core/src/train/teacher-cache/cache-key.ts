import { createHash } from 'node:crypto';
import type { ImageDataset } from '../../data/dataset';
import type { AugmentedCopies } from '../../data/loading/augmented-copies';
import { bytesOf } from '../../system/bytes-of';
import type { DescribedWeights } from '../../weights/network-from-weights';

/** Everything that a teacher's embeddings depend on; also saved beside them, for people. */
export interface CacheIdentity {
  /** Digest of the teacher's architecture and weights. */
  readonly teacher: string;
  readonly backbone: string;
  readonly data: string;
  readonly fingerprint: string;
  readonly images: number;
  readonly views: AugmentedCopies;
  /** How views are drawn, where they are. */
  readonly drawn?: unknown;
  /** `cpu` or `gpu`: their kernels round differently. */
  readonly device: string;
}

export function cacheIdentity(teacher: DescribedWeights, dataset: ImageDataset, views: AugmentedCopies): CacheIdentity {
  const { name, fingerprint, labels, augmentation } = dataset;
  return {
    teacher: weightsDigest(teacher),
    backbone: teacher.description.backbone,
    data: name,
    fingerprint,
    images: labels.length,
    views,
    ...(views.kind === 'drawn' && { drawn: augmentation?.settings }),
    device: process.env.TF_DEVICE || 'cpu',
  };
}

/** SHA-256 in hexadecimal. */
export const keyOf = (identity: CacheIdentity): string =>
  createHash('sha256').update(JSON.stringify(identity)).digest('hex');

function weightsDigest({ tensors, description }: DescribedWeights): string {
  const hash = createHash('sha256').update(JSON.stringify(description));
  for (const [name, { shape, values }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(JSON.stringify([name, shape]));
    hash.update(bytesOf(values));
  }
  return hash.digest('hex');
}
