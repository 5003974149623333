import type { Network } from '../../nn/network';
import type { NamedValues } from '../../runtime/state';
import { agreementMetrics, headAgreement } from './head-agreement';

type Weights = Readonly<Record<string, readonly (readonly number[])[] | readonly number[]>>;

const isMatrix = (values: Weights[string]): values is readonly (readonly number[])[] => Array.isArray(values[0]);

/** A network that has only weights. */
function network(weights: Weights): Network {
  const named = Object.entries(weights).map(([name, rows]): [string, NamedValues] => {
    const shape = isMatrix(rows) ? [rows.length, rows[0]?.length ?? 0] : [rows.length];
    return [name, { shape, values: Float32Array.from(rows.flat()) }];
  });
  return { weights: () => new Map(named) } as Network;
}

/** Two classes, one per column: (3, 4) and (0, 2). */
const teacher = network({
  'head.weight': [
    [3, 0],
    [4, 2],
  ],
  'head.bias': [0.5, -1],
});

test('cosines of the classes and differences of their biases', () => {
  const student = network({
    'head.weight': [
      [6, 1],
      [8, 0],
    ],
    'head.bias': [2, -2.5],
  });
  const agreement = headAgreement(student, teacher);
  expect(agreement).toEqual({ cosines: Float64Array.of(1, 0), biasDifferences: Float64Array.of(1.5, -1.5) });
  expect(agreement && agreementMetrics(agreement)).toEqual({
    'head/cosine_mean': 0.5,
    'head/cosine_min': 0,
    'head/bias_difference_mean': 1.5,
  });
});

test('a class of zeros has cosine 0; heads without biases have no differences', () => {
  const student = network({
    'head.weight': [
      [-4, 0],
      [3, 0],
    ],
  });
  const agreement = headAgreement(student, teacher);
  expect(agreement).toEqual({ cosines: Float64Array.of(0, 0), biasDifferences: new Float64Array() });
  expect(agreement && agreementMetrics(agreement)).toEqual({ 'head/cosine_mean': 0, 'head/cosine_min': 0 });
});

test("for embeddings of other sizes, the teacher's vectors go through the map to its space", () => {
  // The map [3, 2] times the teacher's weights: (3, 4, 14) and (0, 2, 4).
  const student = network({
    'teacher_space.weight': [
      [1, 0],
      [0, 1],
      [2, 2],
    ],
    'head.weight': [
      [0, 0],
      [0, 1],
      [5, 2],
    ],
  });
  const cosines = headAgreement(student, teacher)?.cosines ?? [];
  expect([...cosines]).toEqual([expect.closeTo(14 / Math.sqrt(9 + 16 + 196), 6), expect.closeTo(1, 12)]);
});

test.each<[string, Weights]>([
  ['no head', { 'conv1.weight': [1] }],
  ['embeddings of another size and no map', { 'head.weight': [[1, 2]] }],
  [
    'other classes',
    {
      'head.weight': [
        [1, 2, 3],
        [4, 5, 6],
      ],
    },
  ],
])('with %s there is nothing to compare', (_, weights) => {
  expect(headAgreement(network(weights), teacher)).toBeUndefined();
});
