import { UserError } from '@headshare/core/system/user-error';
import type { EmbeddingRows } from '../embeddings/embedding-rows';
import type { ImageGroups } from './group-images';

/** One model's embeddings of the images and, if needed, of their mirror images. */
export interface IjbEmbeddings {
  readonly embeddings: EmbeddingRows;
  readonly flipped?: EmbeddingRows;
}

/** How an image's feature is made; insightface's script calls the switches F, N and D. */
export interface FeatureSwitches {
  /** Add the mirror image's embedding, if there is one. */
  readonly flip: boolean;
  /** Keep the length of the sum, which reflects the quality of the image; otherwise it becomes 1. */
  readonly norm: boolean;
  /** Multiply by the detector's confidence. */
  readonly detector: boolean;
}

/** The switches of insightface's script, F1N1D1. */
export const publishedSwitches: FeatureSwitches = { flip: true, norm: true, detector: true };

export interface PoolingOptions {
  /** Features are made in each of these ways. */
  readonly variants: readonly FeatureSwitches[];
  /** The detector's confidence for each image; needed if a variant multiplies by it. */
  readonly scores?: Float32Array;
  readonly signal?: AbortSignal;
  /** Receives the number of rows done, and of all. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Receives each image whose embedding is all zeros, and so counts for nothing. */
  readonly onZero?: (image: number) => void;
}

const rowsAtOnce = 2048;

/**
 * Features of templates: the mean over the images of each media, summed over medias in ascending order of their ids,
 * scaled to length 1 (insightface's eval_ijbc.py, in float64 as in its ONNX variant). A template of zeros stays zero.
 * Rows are read once and in order for all variants. Sums are kept only for templates with images still to come, so that
 * little memory is needed if a template's images are consecutive.
 * @returns for each variant [templates, dimension] by ascending template id
 * @throws UserError that names the image whose embedding or detector score is not finite
 */
export async function poolTemplates(
  { embeddings, flipped }: IjbEmbeddings,
  groups: ImageGroups,
  { variants, scores, signal, onProgress, onZero }: PoolingOptions,
): Promise<Float64Array[]> {
  const { dimension } = embeddings;
  const images = groups.groupOf.length;
  for (const rows of flipped ? [embeddings, flipped] : [embeddings]) {
    if (rows.images !== images) {
      throw new UserError(`There are embeddings of ${rows.images} images, but the list of faces has ${images}.`);
    }
  }
  if (flipped && flipped.dimension !== dimension) {
    throw new UserError(`Embeddings of ${dimension} and of ${flipped.dimension} dimensions do not belong together.`);
  }
  const sums = variants.map(() => new MediaSums(groups, dimension));
  const feature = new Float64Array(dimension);
  const mirrored = variants.some(({ flip }) => flip) ? flipped : undefined;
  const read = (from: number) => readBoth(embeddings, mirrored, from, Math.min(rowsAtOnce, images - from));

  let next = read(0);
  for (let from = 0; from < images; from += rowsAtOnce) {
    signal?.throwIfAborted();
    onProgress?.(from, images);
    const [plain, flippedRows] = await next;
    // The disk reads the next rows while these are added; a failure shows when they are awaited.
    next = read(Math.min(images, from + rowsAtOnce));
    next.catch(() => undefined);
    const count = plain.length / dimension;
    for (let row = 0; row < count; row++) {
      const image = from + row;
      for (const [v, { flip, norm, detector }] of variants.entries()) {
        const sum = setSum(feature, plain, flip ? flippedRows : undefined, row * dimension, image);
        if (sum === 0 && v === 0 && feature.every((value) => value === 0)) onZero?.(image);
        if (!norm) divide(feature, lengthOf(feature));
        if (detector && scores) multiply(feature, finiteScore(scores, image));
        sums[v]?.add(image, feature);
      }
    }
  }
  await next;
  return sums.map(({ templates }) => templates);
}

async function readBoth(
  embeddings: EmbeddingRows,
  flipped: EmbeddingRows | undefined,
  from: number,
  count: number,
): Promise<[plain: Float32Array, flipped: Float32Array | undefined]> {
  if (count === 0) return [new Float32Array(0), undefined];
  const both = await Promise.all([embeddings.read(from, count), flipped?.read(from, count)]);
  for (const values of both) {
    if (values && values.length !== count * embeddings.dimension) {
      throw new RangeError(`Rows ${from} to ${from + count - 1} came as ${values.length} values`);
    }
  }
  return both;
}

/**
 * feature = plain + flipped. Finite float32 values cannot sum to an infinite float64: the sum reveals all others.
 * @returns the sum of the feature
 */
function setSum(
  feature: Float64Array,
  plain: Float32Array,
  flipped: Float32Array | undefined,
  start: number,
  image: number,
): number {
  let sum = 0;
  for (let i = 0; i < feature.length; i++) {
    const value = (plain[start + i] as number) + (flipped ? (flipped[start + i] as number) : 0);
    feature[i] = value;
    sum += value;
  }
  if (!Number.isFinite(sum)) {
    throw new UserError(
      `The embedding of image ${image} (line ${image + 1} of the list of faces) holds a value that is not finite.`,
    );
  }
  return sum;
}

function finiteScore(scores: Float32Array, image: number): number {
  const score = scores[image] as number;
  if (Number.isFinite(score)) return score;
  throw new UserError(
    `The detector's score of image ${image} (line ${image + 1} of the list of faces) is ${score}, not a finite number.`,
  );
}

function lengthOf(values: Float64Array): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i] as number) * (values[i] as number);
  // Zeros stay zeros; in the public script they become NaN.
  return squares === 0 ? 1 : Math.sqrt(squares);
}

function multiply(values: Float64Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * factor;
}

function divide(values: Float64Array, divisor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) / divisor;
}

/** Sums the features of each media, and pools a template after its last image. */
class MediaSums {
  readonly templates: Float64Array;
  private readonly rowOf: Int32Array;
  private readonly remaining: Int32Array;
  private readonly open = new Map<number, Float64Array>();
  private readonly free: Float64Array[] = [];

  constructor(
    private readonly groups: ImageGroups,
    private readonly dimension: number,
  ) {
    const rows = groups.templates.length;
    this.templates = new Float64Array(rows * dimension);
    this.rowOf = new Int32Array(groups.sizes.length);
    this.remaining = new Int32Array(rows);
    for (let row = 0; row < rows; row++) {
      for (let group = groups.bounds[row] as number; group < (groups.bounds[row + 1] as number); group++) {
        this.rowOf[group] = row;
        this.remaining[row] = (this.remaining[row] as number) + (groups.sizes[group] as number);
      }
    }
  }

  add(image: number, feature: Float64Array): void {
    const group = this.groups.groupOf[image] as number;
    const row = this.rowOf[group] as number;
    let sum = this.open.get(group);
    if (sum) {
      for (let i = 0; i < feature.length; i++) sum[i] = (sum[i] as number) + (feature[i] as number);
    } else {
      sum = this.free.pop() ?? new Float64Array(this.dimension);
      sum.set(feature);
      this.open.set(group, sum);
    }
    const left = (this.remaining[row] as number) - 1;
    this.remaining[row] = left;
    if (left === 0) this.finish(row);
  }

  private finish(row: number): void {
    const start = row * this.dimension;
    const template = this.templates.subarray(start, start + this.dimension);
    for (let group = this.groups.bounds[row] as number; group < (this.groups.bounds[row + 1] as number); group++) {
      const sum = this.open.get(group) as Float64Array;
      const size = this.groups.sizes[group] as number;
      for (let i = 0; i < sum.length; i++) template[i] = (template[i] as number) + (sum[i] as number) / size;
      this.open.delete(group);
      this.free.push(sum);
    }
    divide(template, lengthOf(template));
  }
}
