/** How a batch enters the training step: cut into micro-batches, as the inputs of the step's functions. */
import type { MixSettings } from '../data/augment/mix';
import { type FedValue, type InputSpecs, imageInput, type StepInputs } from '../runtime/compile/step-inputs';
import { randomKey } from '../runtime/ops/random';
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '../runtime/tensorflow';
import type { ImageSize } from '../system/image-size';
import { UserError } from '../system/user-error';
import type { BatchTensors } from './forward';
import { mixedPixels, mixInput, mixValue } from './mixing';
import type { PartialFc } from './partial-fc';

/** A whole batch of the data set: batchSize images of height x width x 3 bytes, their labels and indices. */
export interface StepBatch {
  readonly images: Uint8Array;
  readonly labels: Int32Array;
  readonly indices: Int32Array;
  /** The teacher's cached embeddings of the images, batchSize x d. */
  readonly embeddings?: Float32Array;
}

export interface FeedOptions {
  readonly batchSize: number;
  /** How many micro-batches a batch is cut into; see `microBatchSize`. */
  readonly accumulate: number;
  readonly size: ImageSize;
  /** Of the step's random numbers. */
  readonly seed: number;
  readonly labelSmoothing?: number;
  /** Absent: all classes take part in every step. */
  readonly partialFc?: PartialFc | undefined;
  /** The length of the teacher's cached embeddings; absent: the teacher computes them. */
  readonly teacherEmbeddingSize?: number | undefined;
  /** How images of a micro-batch are mixed with one another; absent: they are not. */
  readonly mix?: MixSettings | undefined;
}

export interface StepFeed {
  readonly inputs: InputSpecs;
  /** The step's inputs as the tensors that it computes with. */
  batch(inputs: StepInputs<InputSpecs>): BatchTensors;
  /** The inputs' values, one set for each micro-batch. */
  microBatches(batch: StepBatch, step: number): readonly Readonly<Record<string, FedValue>>[];
}

/**
 * The number of images in a micro-batch.
 * @throws UserError when `accumulate` does not divide `batchSize`: a compiled step takes one shape
 */
export function microBatchSize(batchSize: number, accumulate: number): number {
  if (batchSize % accumulate === 0) return batchSize / accumulate;
  const divisors = Array.from({ length: batchSize }, (_, i) => i + 1).filter((n) => batchSize % n === 0);
  const below = divisors.filter((n) => n < accumulate).at(-1) ?? 1;
  const above = divisors.find((n) => n > accumulate);
  throw new UserError(
    `--accumulate ${accumulate} does not divide --batchSize ${batchSize}: all micro-batches have one size; use ${below}${above === undefined ? '' : ` or ${above}`}.`,
  );
}

export function stepFeed(options: FeedOptions): StepFeed {
  const { batchSize, accumulate, size, seed, labelSmoothing: smoothing = 0 } = options;
  const { partialFc, teacherEmbeddingSize, mix } = options;
  const images = microBatchSize(batchSize, accumulate);
  const int32 = (...shape: number[]) => ({ dtype: 'int32', shape }) as const;
  return {
    inputs: {
      pixels: imageInput(images, size),
      labels: int32(images),
      indices: int32(images),
      draw: int32(2),
      ...(teacherEmbeddingSize !== undefined && {
        teacherEmbeddings: { dtype: 'float32', shape: [images, teacherEmbeddingSize] },
      }),
      ...(mix && { mix: mixInput }),
      ...(partialFc && { classes: int32(partialFc.count), columns: int32(images) }),
    },
    batch({ pixels, labels, indices, draw, teacherEmbeddings, mix: drawn, classes, columns }) {
      return {
        pixels: pixels as Tensor4D,
        labels: labels as Tensor1D,
        indices: indices as Tensor1D,
        random: randomKey(draw as Tensor),
        smoothing,
        ...(teacherEmbeddings && { teacherEmbeddings: teacherEmbeddings as Tensor2D }),
        ...(drawn && mixedPixels(pixels as Tensor4D, drawn)),
        ...(partialFc && { sampled: { ...partialFc.heads(classes as Tensor1D), columns: columns as Tensor1D } }),
      };
    },
    microBatches({ images: pixels, labels, indices, embeddings }, step) {
      const sample = partialFc?.draw(labels, step);
      return Array.from({ length: accumulate }, (_, i) => {
        const part = <A extends FedValue>(values: A) => slice(values, i, accumulate);
        const number = step * accumulate + i;
        return {
          pixels: part(pixels),
          labels: part(labels),
          indices: part(indices),
          draw: Int32Array.of(seed % 2 ** 31, number),
          ...(embeddings && { teacherEmbeddings: part(embeddings) }),
          ...(mix && { mix: mixValue(mix, { seed, step: number, size }) }),
          ...sample,
        };
      });
    },
  };
}

/** The `i`-th of `count` equal parts, without a copy. */
function slice<A extends FedValue>(values: A, i: number, count: number): A {
  const length = values.length / count;
  return values.subarray(i * length, (i + 1) * length) as A;
}
