import type { Network } from '../../nn/network';
import { partOf } from '../../nn/network-parts';
import type { NamedValues } from '../../runtime/state';
import type { Metrics } from '../evaluation/metrics';

/** The agreement of two classifiers, by class. */
export interface HeadAgreement {
  /** Cosines between the classes' weight vectors, -1..1. */
  readonly cosines: Float64Array;
  /** The student's bias less the teacher's; empty if one of them has none. */
  readonly biasDifferences: Float64Array;
}

/**
 * Compares a student's head with its teacher's (the reference logs this every epoch). If the embeddings differ in size, the
 * teacher's vectors are multiplied with the student's map to the teacher's space.
 * @returns undefined if the heads differ in form
 */
export function headAgreement(student: Network, teacher: Network): HeadAgreement | undefined {
  const ofHead = (name: string) => ['head', 'teacher_space'].includes(partOf(name));
  const own = student.weights(ofHead);
  const theirs = teacher.weights(ofHead);
  const ownWeight = own.get('head.weight');
  const theirWeight = theirs.get('head.weight');
  if (!ownWeight || !theirWeight) return undefined;
  const map = own.get('teacher_space.weight');
  const read = map ? product(map, theirWeight) : theirWeight;
  if (read.shape.join() !== ownWeight.shape.join()) return undefined;
  return {
    cosines: columnCosines(ownWeight, read),
    biasDifferences: differences(own.get('head.bias'), theirs.get('head.bias')),
  };
}

/** Summary metrics, logged every epoch. */
export function agreementMetrics({ cosines, biasDifferences }: HeadAgreement): Metrics {
  const mean = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length;
  return {
    'head/cosine_mean': mean(cosines),
    'head/cosine_min': cosines.reduce((a, b) => Math.min(a, b), 1),
    ...(biasDifferences.length > 0 && { 'head/bias_difference_mean': mean(biasDifferences.map(Math.abs)) }),
  };
}

const sizes = ({ shape: [rows = 0, columns = 0] }: NamedValues) => ({ rows, columns });

/** [n, m] x [m, k] -> [n, k] */
function product(a: NamedValues, b: NamedValues): NamedValues {
  const { rows, columns: inner } = sizes(a);
  const { columns } = sizes(b);
  const values = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < inner; j++) {
      const factor = a.values[i * inner + j] ?? 0;
      for (let k = 0; k < columns; k++) {
        const at = i * columns + k;
        values[at] = (values[at] ?? 0) + factor * (b.values[j * columns + k] ?? 0);
      }
    }
  }
  return { shape: [rows, columns], values };
}

/** Cosines between the columns of two matrices of one shape, one column a class; 0 for a column of zeros. */
function columnCosines(a: NamedValues, b: NamedValues): Float64Array {
  const { rows, columns } = sizes(a);
  return Float64Array.from({ length: columns }, (_, column) => {
    let dot = 0;
    let left = 0;
    let right = 0;
    for (let row = 0; row < rows; row++) {
      const x = a.values[row * columns + column] ?? 0;
      const y = b.values[row * columns + column] ?? 0;
      dot += x * y;
      left += x * x;
      right += y * y;
    }
    return left === 0 || right === 0 ? 0 : dot / Math.sqrt(left * right);
  });
}

function differences(a: NamedValues | undefined, b: NamedValues | undefined): Float64Array {
  if (!a || !b) return new Float64Array();
  return Float64Array.from(a.values, (value, i) => value - (b.values[i] ?? 0));
}
