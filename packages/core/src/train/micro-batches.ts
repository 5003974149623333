/** How a batch enters the training step: cut into slices (micro-batches), as the inputs of the step's functions. */
import type { MixSettings } from '../data/augment/mix';
import { type FedValue, type InputSpecs, imageInput, type StepInputs } from '../runtime/compile/step-inputs';
import { groupInput } from '../runtime/ops/collective';
import { randomKey } from '../runtime/ops/random';
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '../runtime/tensorflow';
import type { ImageSize } from '../system/image-size';
import { UserError } from '../system/user-error';
import { type ClassShards, columnsAmong, sharedHead } from './class-shards';
import type { BatchTensors } from './forward';
import { mixedPixels, mixInput, mixValue } from './mixing';
import type { PartialFc } from './partial-fc';
import { type SliceRange, slicePart } from './slices';

/** A batch of the data set: the images of the slices that this process computes, and the labels and indices of all. */
export interface StepBatch {
  /** Images of height x width x 3 bytes. */
  readonly images: Uint8Array;
  /** [batchSize] */
  readonly labels: Int32Array;
  /** [batchSize] */
  readonly indices: Int32Array;
  /** The teacher's cached embeddings of `images`, d each. */
  readonly embeddings?: Float32Array;
  /** Default: all slices. */
  readonly slices?: SliceRange;
}

export interface FeedOptions {
  readonly batchSize: number;
  /** How many slices a batch is cut into; see `microBatchSize`. */
  readonly accumulate: number;
  readonly size: ImageSize;
  /** Of the step's random numbers. */
  readonly seed: number;
  readonly labelSmoothing?: number;
  /** Absent: all classes take part in every step. */
  readonly partialFc?: PartialFc | undefined;
  /** With --shard-classes: what this process holds; all members then compute their i-th slices together. */
  readonly shards?: ClassShards | undefined;
  /** The length of the teacher's cached embeddings; absent: the teacher computes them. */
  readonly teacherEmbeddingSize?: number | undefined;
  /** How images of a slice are mixed with one another; absent: they are not. */
  readonly mix?: MixSettings | undefined;
}

export interface StepFeed {
  readonly inputs: InputSpecs;
  /** The inputs of the step `name` as the tensors that it computes with. */
  batch(inputs: StepInputs<InputSpecs>, name: string): BatchTensors;
  /** The inputs' values, one set for each slice that the batch has images of. */
  slices(batch: StepBatch, step: number): readonly Readonly<Record<string, FedValue>>[];
}

/**
 * The number of images in a slice.
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
  const { partialFc, shards, teacherEmbeddingSize, mix } = options;
  const images = microBatchSize(batchSize, accumulate);
  const int32 = (...shape: number[]) => ({ dtype: 'int32', shape }) as const;
  return {
    inputs: {
      pixels: imageInput(images, size),
      labels: int32(images),
      indices: int32(images),
      draw: int32(2),
      ...(accumulate > 1 && { slice: int32() }),
      ...(teacherEmbeddingSize !== undefined && {
        teacherEmbeddings: { dtype: 'float32', shape: [images, teacherEmbeddingSize] },
      }),
      ...(mix && { mix: mixInput }),
      ...(partialFc && { classes: int32(partialFc.count), columns: int32(images) }),
      ...(shards && { group: groupInput, heldColumns: int32(images * shards.of) }),
    },
    batch(inputs, name) {
      const { pixels, labels, indices, draw, slice, teacherEmbeddings, mix: drawn, ...classed } = inputs;
      const { classes, columns, group, heldColumns } = classed;
      return {
        pixels: pixels as Tensor4D,
        labels: labels as Tensor1D,
        indices: indices as Tensor1D,
        random: randomKey(draw as Tensor),
        smoothing,
        ...(slice && { slice }),
        ...(teacherEmbeddings && { teacherEmbeddings: teacherEmbeddings as Tensor2D }),
        ...(drawn && mixedPixels(pixels as Tensor4D, drawn)),
        ...(partialFc && { sampled: { ...partialFc.heads(classes as Tensor1D), columns: columns as Tensor1D } }),
        ...(shards && {
          shard: sharedHead({ ...shards, group: group as Tensor, name: `${name}/head` }, heldColumns as Tensor1D),
        }),
      };
    },
    slices({ images: pixels, labels, indices, embeddings, slices = { from: 0, to: accumulate } }, step) {
      const { from, to } = slices;
      // One draw from all labels, so that the slices' gradients are for the same classes.
      const sample = partialFc?.draw(labels, step);
      /** The labels of all members' i-th slices, which they compute together. */
      const heldColumns = ({ of, held }: ClassShards, i: number): Int32Array => {
        const firsts = Array.from({ length: of }, (_, member) => (member * accumulate) / of);
        return columnsAmong(
          Int32Array.from(firsts.flatMap((first) => [...slicePart(labels, first + i, accumulate)])),
          held,
        );
      };
      return Array.from({ length: to - from }, (_, i) => {
        const own = <A extends FedValue>(values: A) => slicePart(values, i, to - from);
        const ofBatch = <A extends FedValue>(values: A) => slicePart(values, from + i, accumulate);
        const number = step * accumulate + from + i;
        return {
          pixels: own(pixels),
          labels: ofBatch(labels),
          indices: ofBatch(indices),
          draw: Int32Array.of(seed % 2 ** 31, number),
          ...(accumulate > 1 && { slice: Int32Array.of(from + i) }),
          ...(embeddings && { teacherEmbeddings: own(embeddings) }),
          ...(mix && { mix: mixValue(mix, { seed, step: number, size }) }),
          ...(sample && { classes: sample.classes, columns: ofBatch(sample.columns) }),
          ...(shards && { heldColumns: heldColumns(shards, i) }),
        };
      });
    },
  };
}
