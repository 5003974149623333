import type { ImageDataset } from '../../data/dataset';
import type { Network } from '../../nn/network';
import { imageInput } from '../../runtime/compile/step-inputs';
import { l2Normalise } from '../../runtime/ops/normalise';
import type { Program } from '../../runtime/program';
import type { NamedValues } from '../../runtime/state';
import { type Tensor4D, tf } from '../../runtime/tensorflow';
import { UserError } from '../../system/user-error';
import { outputsOf } from '../evaluation/inference';
import type { Spread } from '../evaluation/shared-outputs';

/**
 * Class centres for a network without a classifier: the normalised mean embedding of each class. An image's embedding is
 * the normalised sum of the embeddings of the image and its mirror image. Memory: one row a class.
 * @param spread see `inferenceBy`
 * @returns [embedding, classes], the layout of a head's weights
 * @throws UserError where a class has no image, or its embeddings cancel out
 */
export async function centresOfData(
  program: Program,
  network: Network,
  images: ImageDataset,
  { batchSize, spread }: { readonly batchSize: number; readonly spread?: () => Spread | undefined },
): Promise<NamedValues> {
  const { classes, size, labels } = images;
  const { embeddingSize } = network;
  const inputs = { pixels: imageInput(batchSize, size) };
  const embed = program.define(`centres-${network.root}`, inputs, ({ pixels }) => {
    const embedding = (images: Tensor4D) => network.embed(images, 'eval').embedding;
    const both = tf.add(embedding(pixels as Tensor4D), embedding(tf.reverse(pixels, 2) as Tensor4D));
    return { units: l2Normalise(both as ReturnType<typeof embedding>) };
  });
  const sums = new Float32Array(classes * embeddingSize);
  let image = 0;
  for await (const { indices, outputs } of outputsOf(images, (pixels) => embed({ pixels }), { batchSize, spread })) {
    const { units } = outputs;
    for (let row = 0; row < indices.length; row++, image++) {
      const at = (labels[image] ?? 0) * embeddingSize;
      const from = row * embeddingSize;
      for (let i = 0; i < embeddingSize; i++) sums[at + i] = (sums[at + i] ?? 0) + (units[from + i] ?? 0);
    }
  }
  return normalisedColumns(sums, classes, embeddingSize, images.name);
}

/** Sums by class [classes, size] -> columns of length 1 [size, classes]. */
function normalisedColumns(sums: Float32Array, classes: number, size: number, data: string): NamedValues {
  const values = new Float32Array(sums.length);
  for (let label = 0; label < classes; label++) {
    const sum = sums.subarray(label * size, (label + 1) * size);
    const length = Math.hypot(...sum);
    if (!(length > 0)) {
      throw new UserError(
        `Class ${label} of ${data} has no embeddings to average into a centre: does it have images?`,
        1,
      );
    }
    for (let i = 0; i < size; i++) values[i * classes + label] = (sum[i] ?? 0) / length;
  }
  return { shape: [size, classes], values };
}
