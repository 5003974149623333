import type { ImageDataset } from '../../data/dataset';
import { batches } from '../../data/loading/batches';
import type { Network } from '../../nn/network';
import { imageInput } from '../../runtime/compile/step-inputs';
import type { Program } from '../../runtime/program';
import { type Tensor4D, tf } from '../../runtime/tensorflow';

/** Embeddings of images and of their mirror images, [images, dimension] each. */
export interface Embeddings {
  readonly embeddings: Float32Array;
  readonly flipped: Float32Array;
  readonly dimension: number;
}

/** Embeddings of one batch, with the indices of its images. */
export interface EmbeddedBatch extends Embeddings {
  readonly indices: Int32Array;
}

/** Runs a network over whole data sets in evaluation mode. */
export interface Inference {
  embed(images: ImageDataset): Promise<Embeddings>;
  /** `embed` batch by batch, in the order of `subset` (indices; default all), for more images than fit into memory. */
  embedEach(
    images: ImageDataset,
    receive: (batch: EmbeddedBatch) => void | Promise<void>,
    subset?: ArrayLike<number>,
  ): Promise<void>;
  /** Calls `receive` with each batch's logits [batch, classes]; the first `count` rows are real, the rest is padding. */
  classify(images: ImageDataset, receive: (logits: Float32Array, from: number, count: number) => void): Promise<void>;
}

/** What a network makes of one batch of images, [batchSize, height, width, 3] bytes. */
export interface BatchSteps {
  embed(pixels: Uint8Array): Promise<{ readonly embedding: Float32Array; readonly flipped: Float32Array }>;
  classify(pixels: Uint8Array): Promise<{ readonly logits: Float32Array }>;
}

interface InferenceOptions {
  readonly batchSize: number;
  /** Whether embeddings are mapped to the teacher's space. */
  readonly compared?: boolean;
}

/** Inference by a network whose evaluation steps are added to a program. */
export const makeInference = (program: Program, network: Network, options: InferenceOptions): Inference =>
  inferenceBy(evaluationSteps(program, network, options), options.batchSize);

/** Adds a network's evaluation steps to a program. */
export function evaluationSteps(
  program: Program,
  network: Network,
  { batchSize, compared = false }: InferenceOptions,
): BatchSteps {
  const size = network.description.inputSize;
  const inputs = { pixels: imageInput(batchSize, size) };
  const embedStep = program.define(`embed-${network.root}`, inputs, ({ pixels }) => {
    const embed = (images: Tensor4D) => {
      const { embedding } = network.embed(images, 'eval');
      return compared ? network.toTeacherSpace(embedding) : embedding;
    };
    return { embedding: embed(pixels as Tensor4D), flipped: embed(tf.reverse(pixels, 2) as Tensor4D) };
  });
  const classifyStep = program.define(`classify-${network.root}`, inputs, ({ pixels }) => ({
    logits: network.predict(network.embed(pixels as Tensor4D, 'eval').embedding),
  }));
  return { embed: (pixels) => embedStep({ pixels }), classify: (pixels) => classifyStep({ pixels }) };
}

/** Inference by a network in any engine; the images are read in the same way for all. */
export function inferenceBy(steps: BatchSteps, batchSize: number): Inference {
  // The last batch is padded: a compiled step takes one shape.
  const inOrder = { batchSize, seed: 0, epoch: 0, lastBatch: 'pad' } as const;

  const embedEach: Inference['embedEach'] = async (images, receive, subset) => {
    for await (const { images: pixels, indices, count } of batches(images, { ...inOrder, ...(subset && { subset }) })) {
      const { embedding, flipped } = await steps.embed(pixels);
      const dimension = embedding.length / batchSize;
      const real = (rows: Float32Array) => rows.slice(0, count * dimension);
      await receive({
        embeddings: real(embedding),
        flipped: real(flipped),
        dimension,
        indices: indices.subarray(0, count),
      });
    }
  };

  return {
    embedEach,
    async embed(images) {
      let size = 0;
      const rows: Float32Array[] = [];
      const mirrored: Float32Array[] = [];
      await embedEach(images, ({ embeddings, flipped, dimension }) => {
        size = dimension;
        rows.push(embeddings);
        mirrored.push(flipped);
      });
      return { embeddings: concatenate(rows), flipped: concatenate(mirrored), dimension: size };
    },
    async classify(images, receive) {
      let from = 0;
      for await (const { images: pixels, count } of batches(images, inOrder)) {
        receive((await steps.classify(pixels)).logits, from, count);
        from += count;
      }
    },
  };
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
