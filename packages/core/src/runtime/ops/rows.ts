/**
 * Tables in a state, such as memory banks, of which a step reads and writes a few rows. A compiled step reads and writes
 * them in place (runtime/compile/rows-in-place.ts), whatever the table's size; an eager step copies the table per write.
 */
import { attr, execute } from '../binding';
import { after } from '../compile/trace';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../tensorflow';
import { withGradient } from '../with-gradient';

const index = attr.type('Tindices', 'int32');

function gather(table: Tensor, indices: Tensor, dtype: 'float32' | 'int32', axis = 0): Tensor {
  const attrs = [attr.type('Tparams', dtype), index, attr.type('Taxis', 'int32'), attr.int('batch_dims', 0)];
  return execute('GatherV2', attrs, [table, indices, tf.scalar(axis, 'int32')]);
}

/** The rows of `table` [n, d] at `indices`, int32 of any shape -> [...indices, d]. No gradient reaches the table. */
export function gatherRows(table: Tensor, indices: Tensor): Tensor {
  return tf.tidy(() => gather(table, indices, 'float32'));
}

/** The columns of `table` [n, d] at `indices` int32 [k], as rows: [k, n]. No gradient reaches the table. */
export function gatherColumns(table: Tensor2D, indices: Tensor1D): Tensor2D {
  return tf.tidy(() => tf.transpose(gather(table, indices, 'float32', 1)) as Tensor2D);
}

/** The numbers of a list at `indices`, int32 of any shape. (tf.gather would read the indices' values to check them.) */
export function gatherIntegers(list: Int32Array, indices: Tensor): Tensor {
  return tf.tidy(() => gather(tf.tensor1d(list, 'int32'), indices, 'int32'));
}

/** `table` [n, d] with the rows at `indices` int32 [k] replaced by `rows` [k, d]; for a repeated index either row wins. */
export function withRows(table: Tensor, indices: Tensor1D, rows: Tensor2D): Tensor2D {
  return tf.tidy(() => {
    const places = tf.reshape(indices, [-1, 1]);
    return execute('TensorScatterUpdate', [attr.type('T', 'float32'), index], [table, places, rows]) as Tensor2D;
  });
}

/**
 * Products of each vector with its own rows of a table: out[i, k] = <table[indices[i, k]], vectors[i]>, with the gradient
 * for the vectors.
 * @param table [n, d]
 * @param indices int32 [batch, k]
 * @param vectors [batch, d]
 */
export function rowProducts(table: Tensor, indices: Tensor2D, vectors: Tensor2D): Tensor2D {
  // To multiply with a row, even one that nobody drew, costs a small part of gathering it. For 64 x 16384 rows of length
  // 128, gathering takes 10 times as long from a table of 7,200 rows, 6 times from 50,000, 4 times from 100,000. Beyond,
  // the memory for batch x n products would add up.
  const [rows = 0] = table.shape;
  return rows <= 8 * indices.shape[1]
    ? productsOfAll(table, indices, vectors)
    : productsOfGathered(table, indices, vectors);
}

/** Multiplies with all rows and picks the wanted products: numbers are moved instead of rows. */
export function productsOfAll(table: Tensor, indices: Tensor2D, vectors: Tensor2D): Tensor2D {
  return withGradient(
    [vectors],
    (given) => ({
      value: gatherInRows(tf.matMul(given, table as Tensor2D, false, true) as Tensor2D, indices),
      // The table's present value: it may have been written to by the time of the gradient.
      saved: [table, indices],
    }),
    (dy, from, at) => tf.matMul(sumsByIndex(at as Tensor2D, dy as Tensor2D, from.shape[0] as number), from as Tensor2D),
  );
}

/** out[i, k] = x[i, indices[i, k]]. */
function gatherInRows(x: Tensor2D, indices: Tensor2D): Tensor2D {
  const attrs = [attr.type('Tparams', 'float32'), index, attr.type('Taxis', 'int32'), attr.int('batch_dims', 1)];
  return execute('GatherV2', attrs, [x, indices, tf.scalar(1, 'int32')]) as Tensor2D;
}

/** out[i, j] = the sum of values[i, k] over all k where indices[i, k] = j; [batch, size]. Sums in the order of k. */
function sumsByIndex(indices: Tensor2D, values: Tensor2D, size: number): Tensor2D {
  const attrs = [attr.type('Tidx', 'int32'), attr.type('T', 'float32'), attr.bool('binary_output', false)];
  return execute('DenseBincount', attrs, [indices, tf.scalar(size, 'int32'), values]) as Tensor2D;
}

// About 16 MB of rows at a time: they fit the caches, and the memory for them does not add up.
const elementsAtOnce = 1 << 22;

/**
 * Gathers the rows. All together, batch x k x d, would take half a gigabyte for 64 x 16384 x 128, so they are gathered
 * for a few images at a time, and again for the gradient.
 */
export function productsOfGathered(table: Tensor, indices: Tensor2D, vectors: Tensor2D): Tensor2D {
  const [batch, count] = indices.shape;
  const size = vectors.shape[1];
  const chunk = Math.max(1, Math.floor(elementsAtOnce / (count * size)));
  const starts = Array.from({ length: Math.ceil(batch / chunk) }, (_, i) => i * chunk);
  const partOf = (x: Tensor, start: number) => tf.slice(x, [start, 0], [Math.min(chunk, batch - start), -1]);
  return withGradient(
    [vectors],
    (given) => {
      const products = inTurn(starts, given, (start, before) => {
        const rows = gatherRows(table, after(before, partOf(indices, start)));
        return tf.squeeze(tf.matMul(rows, tf.expandDims(partOf(given, start), 2)), [2]);
      });
      // The table's present value: it may have been written to by the time of the gradient.
      return { value: tf.concat(products, 0), saved: [table, indices] };
    },
    (dy, from, at) => {
      const sums = inTurn(starts, dy, (start, before) => {
        const rows = gatherRows(from, after(before, partOf(at, start)));
        return tf.squeeze(tf.matMul(tf.expandDims(partOf(dy, start), 1), rows), [1]);
      });
      return tf.concat(sums, 0);
    },
  );
}

/** Parts that each wait for the one before, the first for `first`; otherwise a graph would gather all rows at once. */
function inTurn(starts: readonly number[], first: Tensor, part: (start: number, before: Tensor) => Tensor): Tensor[] {
  const parts: Tensor[] = [];
  for (const start of starts) parts.push(part(start, parts.at(-1) ?? first));
  return parts;
}
