import { attr, DType } from '../binding';
import type { GraphNode } from './graph-def';
import { shareConstants } from './share-constants';

const constant = (
  name: string,
  values: number[],
  shape = [values.length],
  dtype: number = DType.float32,
): GraphNode => ({
  name,
  op: 'Const',
  inputs: [],
  attrs: [
    attr.type('dtype', dtype === DType.int32 ? 'int32' : 'float32'),
    {
      name: 'value',
      tensor: { dtype, shape, values: (dtype === DType.int32 ? Int32Array : Float32Array).from(values) },
    },
  ],
});
const user = (name: string, ...inputs: string[]): GraphNode => ({ name, op: 'AddV2', inputs, attrs: [] });
const namesOf = (nodes: readonly GraphNode[]) => nodes.map(({ name }) => name);

test('users of equal constants read the first', () => {
  const shared = shareConstants([
    constant('a', [1, 2]),
    user('x', 'a', 'input'),
    constant('b', [1, 2]),
    user('y', 'x', 'b'),
    user('output', 'b', 'y'),
  ]);
  expect(namesOf(shared)).toEqual(['a', 'x', 'y', 'output']);
  expect(shared.map(({ inputs }) => inputs)).toEqual([[], ['a', 'input'], ['x', 'a'], ['a', 'y']]);
});

test('constants of another value, sign, shape or type stay apart, and so do large ones', () => {
  const large = Array(100).fill(1);
  const nodes = [
    constant('zero', [0]),
    constant('negative zero', [-0]),
    constant('scalar', [0], []),
    constant('integer', [0], [1], DType.int32),
    constant('one', [1]),
    constant('large', large),
    constant('large too', large),
  ];
  expect(shareConstants(nodes)).toEqual(nodes);
});

test('a constant that another node waits for stays', () => {
  const nodes = [constant('a', [1]), constant('b', [1]), user('x', 'a', '^b')];
  expect(shareConstants(nodes)).toEqual(nodes);
});
