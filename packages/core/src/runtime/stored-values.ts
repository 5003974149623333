/** Values of tables that may be too large for memory: they stay in a file and are read in pieces. */

export interface StoredValues {
  readonly shape: readonly number[];
  /** The numbers from `from` to `to`, counted row by row. */
  read(from: number, to: number): Float32Array;
}

/** Values in memory, or of a table in a file. */
export type GivenValues = { readonly shape: readonly number[]; readonly values: Float32Array } | StoredValues;

export const isStored = (given: GivenValues): given is StoredValues => 'read' in given;

/** Numbers of a stored table that are read at once: 16 MiB. */
const numbersAtOnce = 2 ** 22;

/** The values in consecutive pieces: those in memory as one, not copied. */
export function* piecesOf(given: GivenValues): Generator<Float32Array> {
  if (!isStored(given)) {
    yield given.values;
    return;
  }
  const size = given.shape.reduce((a, b) => a * b, 1);
  for (let from = 0; from < size; from += numbersAtOnce) yield given.read(from, Math.min(from + numbersAtOnce, size));
}

/** Some columns of a matrix, row by row. */
export function columnsOf(
  given: GivenValues,
  { from, count }: { readonly from: number; readonly count: number },
): { readonly shape: readonly number[]; readonly values: Float32Array } {
  const [rows = 0, columns = 0] = given.shape;
  const values = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++) {
    const start = row * columns + from;
    const end = start + count;
    values.set(isStored(given) ? given.read(start, end) : given.values.subarray(start, end), row * count);
  }
  return { shape: [rows, count], values };
}
