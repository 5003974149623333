import type { MixSettings } from '../data/augment/mix';
import type { Terms } from '../distill/method';
import type { StepInputs } from '../runtime/compile/step-inputs';
import { randomKey } from '../runtime/ops/random';
import type { Precision } from '../runtime/precision';
import type { CompiledStep, Program } from '../runtime/program';
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '../runtime/tensorflow';
import { UserError } from '../system/user-error';
import type { ClassSampler, DrawnClasses } from './class-sampling';
import type { Metrics } from './metrics';
import { mixedPixels, mixInput, mixValue } from './mixing';
import { type Optimiser, watchedNames } from './optimiser';
import type { Seen } from './perception';
import type { SampledHeads } from './sampled-heads';

/** One whole step of the optimiser, however many calls into TensorFlow it takes. */
export type TrainingStep = (batch: StepBatch, rates: StepRates) => Promise<StepReport>;

/** A batch of the data, whole: batchSize x size x size x 3 bytes, batchSize labels and indices into the training set. */
export interface StepBatch {
  readonly images: Uint8Array;
  readonly labels: Int32Array;
  readonly indices: Int32Array;
  /** The teacher's embeddings of the images, batchSize x d, where the step was made for them. */
  readonly embeddings?: Float32Array;
}

/** What changes from step to step. */
export interface StepRates {
  readonly learningRate: number;
  /** How far the averaged weights move towards the weights, 0..1; unused where there is no average. */
  readonly averageShare: number;
  /** How many steps came before: what is drawn by chance differs from step to step. */
  readonly step: number;
}

export interface StepReport {
  /** `loss` and the terms that it is made of: means over the micro-batches. */
  readonly terms: Metrics;
  /** What is worth watching of this step alone: the gradients' norm, the loss scale. */
  readonly watched: Metrics;
}

export interface StepParts {
  readonly batchSize: number;
  /** How many micro-batches a batch is cut into; see `microBatchSize`. */
  readonly accumulate: number;
  /** Of the images, in pixels. */
  readonly size: number;
  readonly optimiser: Optimiser;
  /** Of what is drawn by chance. */
  readonly seed: number;
  /** Which classes take part in a step, and the heads of these; undefined: all do. */
  readonly sampling?: (ClassSampler & { readonly heads: (sample: Tensor1D) => SampledHeads }) | undefined;
  /** Length of the teacher's embeddings, where they are not computed in the step but given with the batch. */
  readonly rowSize?: number | undefined;
  /** How images of a micro-batch are mixed with one another; undefined: they are not. */
  readonly mix?: MixSettings | undefined;
  /** Looks at a micro-batch; what it returns is run for its gradient. */
  readonly losses: (seen: Seen) => () => Terms;
  /** What the program's functions are called, `<name>` and `gather-<name>`; default: train. */
  readonly name?: string;
  /** Moves the averaged weights after an update; undefined: there are none. */
  readonly average?: ((share: Tensor) => void) | undefined;
  /** What convolutions and matrix products compute in; default: float32. */
  readonly precision?: Precision;
}

/**
 * How many images a micro-batch has.
 * @throws UserError when `accumulate` does not divide `batchSize`: a compiled step takes one shape
 */
export function microBatchSize(batchSize: number, accumulate: number): number {
  if (batchSize % accumulate === 0) return batchSize / accumulate;
  const divisors = Array.from({ length: batchSize }, (_, i) => i + 1).filter((n) => batchSize % n === 0);
  const below = divisors.filter((n) => n < accumulate).at(-1) ?? 1;
  const above = divisors.find((n) => n > accumulate);
  throw new UserError(
    `--accumulate ${accumulate} does not divide --batchSize ${batchSize}: micro-batches are of one size; ${below}${above === undefined ? '' : ` or ${above}`} would do.`,
  );
}

/**
 * Adds training to a program: one function that makes a whole step of a batch, or, where a batch is cut into
 * micro-batches, one that gathers gradients and one that takes the last and moves the weights. Between steps nothing is
 * gathered, so that a checkpoint needs none of it.
 */
export function makeTrainingStep(program: Program, parts: StepParts): TrainingStep {
  const { batchSize, accumulate, size, seed, mix, optimiser, average, precision = 'float32', name = 'train' } = parts;
  const { sampling } = parts;
  const images = microBatchSize(batchSize, accumulate);
  const inputs = {
    pixels: { dtype: 'uint8', shape: [images, size, size, 3] },
    labels: { dtype: 'int32', shape: [images] },
    indices: { dtype: 'int32', shape: [images] },
    draw: { dtype: 'int32', shape: [2] },
    ...(parts.rowSize !== undefined && { taught: { dtype: 'float32', shape: [images, parts.rowSize] } as const }),
    ...mixInput(mix),
    ...sampleInputs(sampling && { sample: sampling.count, targets: images }),
  } as const;
  const seenOf = ({ pixels, labels, indices, draw, mix: drawn, taught, ...of }: StepInputs<typeof inputs>): Seen => ({
    pixels: pixels as Tensor4D,
    labels: labels as Tensor1D,
    indices: indices as Tensor1D,
    random: randomKey(draw),
    ...(taught && { taught: taught as Tensor2D }),
    ...(mix && mixedPixels(pixels as Tensor4D, drawn)),
    ...(sampling && { sampled: { ...sampling.heads(of.sample as Tensor1D), targets: of.targets as Tensor1D } }),
  });
  const rates = {
    learningRate: { dtype: 'float32', shape: [] },
    averageShare: { dtype: 'float32', shape: [] },
  } as const;
  const gather: CompiledStep<typeof inputs, string> = program.define(
    `gather-${name}`,
    inputs,
    (given) => optimiser.accumulate(parts.losses(seenOf(given))),
    { precision },
  );
  const update: CompiledStep<typeof inputs & typeof rates, string> = program.define(
    name,
    { ...inputs, ...rates },
    (given) => {
      const seen = seenOf(given);
      const reported = optimiser.minimise(given.learningRate, parts.losses(seen), seen.sampled?.learned);
      average?.(given.averageShare);
      return reported;
    },
    { precision },
  );

  return async (batch, { learningRate, averageShare, step }) => {
    const reports: Metrics[] = [];
    const drawn = sampling?.draw(batch.labels, step);
    for (let i = 0; i < accumulate; i++) {
      const given = {
        pixels: part(batch.images, i, accumulate),
        labels: part(batch.labels, i, accumulate),
        indices: part(batch.indices, i, accumulate),
        draw: Int32Array.of(seed % 2 ** 31, step * accumulate + i),
        ...(batch.embeddings && { taught: part(batch.embeddings, i, accumulate) }),
        ...mixValue(mix, { seed, step: step * accumulate + i, size }),
        ...sampleValues(drawn),
      };
      const last = i + 1 === accumulate;
      const outputs = last ? await update({ ...given, learningRate, averageShare }) : await gather(given);
      reports.push(numbers(outputs));
    }
    return reportOf(reports);
  };
}

type OfSample<T> = Readonly<Record<'sample' | 'targets', T>>;

/** Inputs that a step has only where classes are sampled; to the types it always has them. */
function sampleInputs(lengths: OfSample<number> | undefined) {
  const of = (length: number) => ({ dtype: 'int32', shape: [length] }) as const;
  const specs = lengths ? { sample: of(lengths.sample), targets: of(lengths.targets) } : {};
  return specs as OfSample<ReturnType<typeof of>>;
}

function sampleValues(drawn: DrawnClasses | undefined): OfSample<Int32Array> {
  return (drawn ? { sample: drawn.classes, targets: drawn.targets } : {}) as OfSample<Int32Array>;
}

/** The `i`-th of `count` equal parts, without a copy. */
function part<A extends Uint8Array | Int32Array | Float32Array>(values: A, i: number, count: number): A {
  const length = values.length / count;
  return values.subarray(i * length, (i + 1) * length) as A;
}

const numbers = (outputs: Readonly<Record<string, Float32Array>>): Metrics =>
  Object.fromEntries(Object.entries(outputs).map(([name, [value]]) => [name, value ?? Number.NaN]));

function reportOf(reports: readonly Metrics[]): StepReport {
  // Only the last one tells of the update.
  const names = Object.keys(reports.at(-1) ?? {});
  const mean = (name: string) => reports.reduce((sum, one) => sum + (one[name] ?? Number.NaN), 0) / reports.length;
  const isWatched = (name: string) => watchedNames.includes(name);
  return {
    terms: Object.fromEntries(names.filter((name) => !isWatched(name)).map((name) => [name, mean(name)])),
    watched: Object.fromEntries(names.filter(isWatched).map((name) => [name, reports.at(-1)?.[name] ?? Number.NaN])),
  };
}
