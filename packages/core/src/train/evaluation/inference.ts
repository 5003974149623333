import type { ImageDataset } from '../../data/dataset';
import { batches } from '../../data/loading/batches';
import { concatenated } from '../../delivery/concatenated';
import type { Network } from '../../nn/network';
import { imageInput } from '../../runtime/compile/step-inputs';
import type { Program } from '../../runtime/program';
import { type Tensor4D, tf } from '../../runtime/tensorflow';
import { type BatchOutputs, type Spread, sharedOutputs } from './shared-outputs';

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
  /** See `inferenceBy`. */
  readonly spread?: (() => Spread | undefined) | undefined;
}

/** Inference by a network whose evaluation steps are added to a program. */
export const makeInference = (program: Program, network: Network, options: InferenceOptions): Inference =>
  inferenceBy(evaluationSteps(program, network, options), options.batchSize, options.spread);

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

/** How images are run through a network. */
interface Run {
  readonly batchSize: number;
  /** Indices of images, in order; default: all. */
  readonly subset?: ArrayLike<number> | undefined;
  /** See `inferenceBy`. */
  readonly spread?: (() => Spread | undefined) | undefined;
}

/** The outputs of all batches, in order. */
export async function* outputsOf<O extends string>(
  images: ImageDataset,
  run: (pixels: Uint8Array) => Promise<Readonly<Record<O, Float32Array>>>,
  { batchSize, subset, spread }: Run,
): AsyncGenerator<BatchOutputs<O>> {
  // The last batch is padded: a compiled step takes one shape.
  const options = { batchSize, seed: 0, epoch: 0, lastBatch: 'pad', ...(subset && { subset }) } as const;
  const shared = spread?.();
  if (shared) {
    yield* sharedOutputs(images, run, options, shared);
    return;
  }
  for await (const { images: pixels, indices, count } of batches(images, options)) {
    yield { indices: indices.subarray(0, count), outputs: await run(pixels) };
  }
}

/**
 * Inference by a network in any engine; the images are read in the same way for all.
 * @param spread asked before each data set: how it is shared with other processes; undefined: it is not
 */
export function inferenceBy(steps: BatchSteps, batchSize: number, spread?: () => Spread | undefined): Inference {
  const embedEach: Inference['embedEach'] = async (images, receive, subset) => {
    for await (const { indices, outputs } of outputsOf(images, steps.embed, { batchSize, subset, spread })) {
      const dimension = outputs.embedding.length / batchSize;
      const real = (rows: Float32Array) => rows.slice(0, indices.length * dimension);
      await receive({ embeddings: real(outputs.embedding), flipped: real(outputs.flipped), dimension, indices });
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
      return { embeddings: concatenated(rows), flipped: concatenated(mirrored), dimension: size };
    },
    async classify(images, receive) {
      let from = 0;
      for await (const { indices, outputs } of outputsOf(images, steps.classify, { batchSize, spread })) {
        receive(outputs.logits, from, indices.length);
        from += indices.length;
      }
    },
  };
}
