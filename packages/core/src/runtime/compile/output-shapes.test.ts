import { type Attr, attr, type Binding, backend, DType } from '../binding';
import { hasSgdKernel } from '../ops/sgd-kernel';
import '../tensorflow';
import { type Outline, OutputShapes } from './output-shapes';

const floats = (...shape: number[]): Outline => ({ shape, dtype: DType.float32 });
const T = attr.type('T', 'float32');

/** Fails where TensorFlow would compute anything, or memory would be taken. */
function withoutRunning(): OutputShapes {
  const { inferOutputs } = backend().binding;
  const refused = () => {
    throw new Error('An operation runs.');
  };
  return new OutputShapes({ inferOutputs, createTensor: refused, executeOp: refused } as unknown as Binding);
}

// 4 GB a table.
const centres = floats(2 ** 21, 512);

const transposed = (a: boolean, b: boolean): Attr[] => [T, attr.bool('adj_x', a), attr.bool('adj_y', b)];

test.each<[string, readonly Attr[], readonly Outline[], readonly number[]]>([
  ['Square', [T], [centres], centres.shape],
  ['RealDiv', [T], [centres, floats(2 ** 21, 1)], centres.shape],
  ['BatchMatMulV2', transposed(false, true), [floats(16, 512), centres], [16, 2 ** 21]],
  ['BatchMatMulV2', transposed(true, false), [floats(16, 2 ** 21), floats(16, 512)], centres.shape],
  [
    'Sum',
    [T, attr.bool('keep_dims', true), attr.type('Tidx', 'int32')],
    [centres, { shape: [1], dtype: DType.int32, constant: { id: 0, values: '1' } }],
    [2 ** 21, 1],
  ],
  // Its type is left out in eager execution.
  [
    'ExpandDims',
    [],
    [centres, { shape: [], dtype: DType.int32, constant: { id: 0, values: '0' } }],
    [1, ...centres.shape],
  ],
])('the shape of a large %s is inferred, with no table in memory', (op, attrs, inputs, shape) => {
  expect(withoutRunning().of(op, attrs, inputs, 1)).toEqual([{ shape, dtype: DType.float32 }]);
});

test('the shapes of the update of large tables are inferred', () => {
  if (!hasSgdKernel()) return console.warn('Skipped: this addon has no HeadshareSgd.');
  const attrs = [attr.int('n', 2), attr.float('momentum', 0.9), attr.float('decay', 0)];
  const small = floats(3);
  const inputs = [centres, small, centres, small, centres, small, floats(), floats()];
  const shapes = withoutRunning().of('HeadshareSgd', attrs, inputs, 4);
  expect(shapes.map(({ shape }) => shape)).toEqual([centres.shape, small.shape, centres.shape, small.shape]);
});

test('large inputs that do not fit are refused with the words of TensorFlow', () => {
  const outlines = new OutputShapes(backend().binding);
  const misfit = [floats(512, 512), floats(511, 512)];
  expect(() => outlines.of('BatchMatMulV2', transposed(false, false), misfit, 1)).toThrow(/512.*511|size-incompatible/);
});
