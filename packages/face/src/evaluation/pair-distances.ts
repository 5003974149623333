import { UserError } from '@headshare/core/system/user-error';

/** One model's embeddings of a set of images: `embeddings` [images, dimension], row by row. */
export interface EmbeddedImages {
  readonly embeddings: Float32Array;
  /** Embeddings of the mirror images, in the same layout. */
  readonly flipped?: Float32Array;
  readonly dimension: number;
  /** The images' name in errors. */
  readonly name?: string;
  /** Rows of images that cannot be read: they and their pairs do not count. */
  readonly leftOut?: ReadonlySet<number>;
}

/** Pair k is image `left[k]` against image `right[k]`. Contiguous pairs form a fold. */
export interface LabelledPairs {
  readonly left: ArrayLike<number>;
  readonly right: ArrayLike<number>;
  /** 1: the same person, 0: different people. */
  readonly same: ArrayLike<number>;
  /** Default 10. */
  readonly folds?: number;
}

export interface PairScores {
  /** Squared L2 distance of the unit vectors, 0 to 4. */
  readonly distance: Float64Array;
  /** Dot product of the unit vectors, -1 to 1. */
  readonly cosine: Float64Array;
}

/**
 * Adds the embeddings of each image and its mirror image and scales the sum to length 1, in float64 as insightface's
 * verification.py does. A row of zeros stays zero. Returns [images, dimension].
 * @throws RangeError for sizes that do not match; UserError for values that are not finite
 */
export function unitEmbeddings({ embeddings, flipped, dimension, name }: EmbeddedImages): Float64Array {
  if (!Number.isInteger(dimension) || dimension < 1 || embeddings.length % dimension !== 0) {
    throw new RangeError(`${embeddings.length} embedding values do not divide into rows of ${dimension}`);
  }
  if (flipped && flipped.length !== embeddings.length) {
    throw new RangeError(`${flipped.length} values for the mirrored images, but ${embeddings.length} for the images`);
  }
  const units = Float64Array.from(embeddings);
  if (flipped) for (let i = 0; i < units.length; i++) units[i] = (units[i] as number) + (flipped[i] as number);
  for (let start = 0; start < units.length; start += dimension) {
    const row = units.subarray(start, start + dimension);
    let squares = 0;
    for (const value of row) squares += value * value;
    if (!Number.isFinite(squares)) {
      const of = name === undefined ? '' : ` of ${name}`;
      throw new UserError(
        `The embedding of image ${start / dimension}${of} holds a value that is not finite: the network's weights are damaged, or its training diverged.`,
        1,
      );
    }
    if (squares === 0) continue;
    const length = Math.sqrt(squares);
    for (let i = 0; i < dimension; i++) row[i] = (row[i] as number) / length;
  }
  return units;
}

/**
 * Mean length of the embeddings of images and mirror images, each by itself (verification.py's XNorm): a diverging
 * network shows here first. @throws RangeError without embeddings
 */
export function meanNorm({ embeddings, flipped, dimension, leftOut }: EmbeddedImages): number {
  let [sum, rows] = [0, 0];
  for (const values of flipped ? [embeddings, flipped] : [embeddings]) {
    for (let start = 0; start < values.length; start += dimension) {
      if (leftOut?.has(start / dimension)) continue;
      rows++;
      let squares = 0;
      for (let i = start; i < start + dimension; i++) squares += (values[i] as number) ** 2;
      sum += Math.sqrt(squares);
    }
  }
  if (rows === 0) throw new RangeError('There are no embeddings to take the norm of');
  return sum / rows;
}

/**
 * Distance and cosine of each pair: the left image embedded by one model, the right image by the same or another one.
 * @throws RangeError if the models' dimensions differ; UserError if a pair names a row that does not exist, or an
 *   embedding is not finite
 */
export function pairScores(
  left: EmbeddedImages,
  right: EmbeddedImages,
  pairs: Pick<LabelledPairs, 'left' | 'right'>,
): PairScores {
  const { dimension } = left;
  if (right.dimension !== dimension) {
    throw new RangeError(`Embeddings of ${dimension} and of ${right.dimension} dimensions cannot be compared`);
  }
  if (pairs.left.length !== pairs.right.length) {
    throw new RangeError(`${pairs.left.length} left but ${pairs.right.length} right images do not make pairs`);
  }
  const leftUnits = unitEmbeddings(left);
  const rightUnits = right === left ? leftUnits : unitEmbeddings(right);
  const count = pairs.left.length;
  const distance = new Float64Array(count);
  const cosine = new Float64Array(count);
  for (let pair = 0; pair < count; pair++) {
    const a = rowStart(pairs.left[pair] as number, dimension, leftUnits, pair);
    const b = rowStart(pairs.right[pair] as number, dimension, rightUnits, pair);
    let squares = 0;
    let product = 0;
    for (let i = 0; i < dimension; i++) {
      const x = leftUnits[a + i] as number;
      const y = rightUnits[b + i] as number;
      squares += (x - y) * (x - y);
      product += x * y;
    }
    distance[pair] = squares;
    cosine[pair] = product;
  }
  return { distance, cosine };
}

function rowStart(image: number, dimension: number, units: Float64Array, pair: number): number {
  const images = units.length / dimension;
  if (!Number.isInteger(image) || image < 0 || image >= images) {
    throw new UserError(`Pair ${pair} names image ${image}, but there are ${images} images, counted from 0.`, 1);
  }
  return image * dimension;
}
