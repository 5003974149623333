import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readCheckpoint, writeCheckpoint } from '@headshare/core/train/checkpoint';
import type { Embeddings } from '@headshare/core/train/evaluation/inference';
import type { Metrics } from '@headshare/core/train/evaluation/metrics';
import type { EmbeddedImages, LabelledPairs } from './evaluation/pair-distances';
import { verificationMetrics, verifyAcrossModels } from './evaluation/verification';

/** The file in a stage's folder with its network's embeddings of the verification images. */
export const embeddingsFile = 'verification-embeddings.safetensors';

/** Embeddings of images and their mirror images, with the rows of images that cannot be read. */
export type VerificationEmbeddings = Embeddings & Pick<EmbeddedImages, 'leftOut'>;

export function writeEmbeddings(
  folder: string,
  { embeddings, flipped, dimension, leftOut }: VerificationEmbeddings,
): void {
  const shape = [embeddings.length / dimension, dimension];
  const tensors = new Map([
    ['embeddings', { shape, values: embeddings }],
    ['flipped', { shape, values: flipped }],
    ...(leftOut && leftOut.size > 0
      ? [['left_out', { shape: [leftOut.size], values: Float32Array.from(leftOut) }] as const]
      : []),
  ]);
  writeCheckpoint(join(folder, embeddingsFile), { tensors, metadata: {} });
}

/** Reads the file of `writeEmbeddings`; undefined if there is none. */
export function readEmbeddings(folder: string): VerificationEmbeddings | undefined {
  const file = join(folder, embeddingsFile);
  if (!existsSync(file)) return undefined;
  const { tensors } = readCheckpoint(file);
  const embeddings = tensors.get('embeddings');
  const flipped = tensors.get('flipped');
  if (!embeddings || !flipped) return undefined;
  const leftOut = new Set(tensors.get('left_out')?.values);
  return { embeddings: embeddings.values, flipped: flipped.values, dimension: embeddings.shape[1] ?? 0, leftOut };
}

/**
 * Verification metrics with the prefix `cross_` of a gallery embedded by one stage's network and probes embedded by
 * another's; none if the embeddings are missing or differ in size.
 */
export function crossModelMetrics(galleryFolder: string, probeFolder: string, pairs: LabelledPairs): Metrics {
  const gallery = readEmbeddings(galleryFolder);
  const probe = readEmbeddings(probeFolder);
  if (!gallery || !probe || gallery.dimension !== probe.dimension) return {};
  return verificationMetrics(verifyAcrossModels({ gallery, probe, pairs }), 'cross_');
}
