/**
 * Tables in a state of which a step reads and writes a few rows: memory banks. In a compiled step these become reads
 * and writes in place (runtime/compile/rows-in-place.ts), whatever the table's size; operation by operation each write is a copy.
 */
import { attr, execute } from '../binding';
import { after } from '../compile/trace';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../tensorflow';

const index = attr.type('Tindices', 'int32');

/** The rows of `table` [n, d] at `indices`, int32 of any shape -> [...indices, d]. No gradient reaches the table. */
export function gatherRows(table: Tensor, indices: Tensor): Tensor {
  return tf.tidy(() => {
    const attrs = [attr.type('Tparams', 'float32'), index, attr.type('Taxis', 'int32'), attr.int('batch_dims', 0)];
    return execute('GatherV2', attrs, [table, indices, tf.scalar(0, 'int32')]);
  });
}

/** The numbers of a list at `indices`, int32 of any shape. tf.gather would read the indices to check them. */
export function gatherIntegers(list: Int32Array, indices: Tensor): Tensor {
  return tf.tidy(() => {
    const attrs = [attr.type('Tparams', 'int32'), index, attr.type('Taxis', 'int32'), attr.int('batch_dims', 0)];
    return execute('GatherV2', attrs, [tf.tensor1d(list, 'int32'), indices, tf.scalar(0, 'int32')]);
  });
}

/** `table` [n, d] with `rows` [k, d] in the places of `indices` int32 [k]; of an index that is there twice, either. */
export function withRows(table: Tensor, indices: Tensor1D, rows: Tensor2D): Tensor2D {
  return tf.tidy(() => {
    const places = tf.reshape(indices, [-1, 1]);
    return execute('TensorScatterUpdate', [attr.type('T', 'float32'), index], [table, places, rows]) as Tensor2D;
  });
}

// About 16 MB of rows at a time: they fit the caches, and the memory of many does not add up.
const elementsAtOnce = 1 << 22;

/**
 * How a vector each goes with rows of a table: out[i, k] = <table[indices[i, k]], vectors[i]>, with its gradient for the
 * vectors. All rows together, batch x k x d, would be half a gigabyte for 64 x 16384 x 128: they are gathered a few
 * images at a time, and again for the gradient.
 * @param table [n, d]
 * @param indices int32 [batch, k]
 * @param vectors [batch, d]
 */
export function rowProducts(table: Tensor, indices: Tensor2D, vectors: Tensor2D): Tensor2D {
  const [batch, count] = indices.shape;
  const size = vectors.shape[1];
  const chunk = Math.max(1, Math.floor(elementsAtOnce / (count * size)));
  const starts = Array.from({ length: Math.ceil(batch / chunk) }, (_, i) => i * chunk);
  const partOf = (x: Tensor, start: number) => tf.slice(x, [start, 0], [Math.min(chunk, batch - start), -1]);
  const run = tf.customGrad((...args) => {
    const [given, save] = args as unknown as [Tensor2D, (saved: Tensor[]) => void];
    // As it is now: by the time of the gradient the table may have been written to.
    save([table, indices]);
    const products = inTurn(starts, given, (start, before) => {
      const rows = gatherRows(table, after(before, partOf(indices, start)));
      return tf.squeeze(tf.matMul(rows, tf.expandDims(partOf(given, start), 2)), [2]);
    });
    return {
      value: tf.concat(products, 0),
      gradFunc: (dy: Tensor, [from, at]: Tensor[]) => {
        const sums = inTurn(starts, dy, (start, before) => {
          const rows = gatherRows(from as Tensor, after(before, partOf(at as Tensor, start)));
          return tf.squeeze(tf.matMul(tf.expandDims(partOf(dy, start), 1), rows), [1]);
        });
        return tf.concat(sums, 0);
      },
    };
  });
  return run(vectors) as Tensor2D;
}

/** Parts of which each waits for the one before, the first for `first`: else a graph gathers the rows of all at once. */
function inTurn(starts: readonly number[], first: Tensor, part: (start: number, before: Tensor) => Tensor): Tensor[] {
  const parts: Tensor[] = [];
  for (const start of starts) parts.push(part(start, parts.at(-1) ?? first));
  return parts;
}
