import { platformFor } from './platforms';
import { placeOf } from './unpack';

const linux = platformFor('gpu', 'linux', 'x64');
const macos = platformFor('cpu', 'darwin', 'arm64');

test.each([
  ['tensorflow/libtensorflow_cc.so.2', 'lib/libtensorflow_cc.so.2'],
  ['tensorflow/libtensorflow_framework.so.2', 'lib/libtensorflow_framework.so.2'],
  ['tensorflow/include/tensorflow/c/eager/c_api.h', 'include/tensorflow/c/eager/c_api.h'],
  ['tensorflow/include/tsl/platform/ctstring.h', 'include/tsl/platform/ctstring.h'],
  ['nvidia/cublas/lib/libcublas.so.12', 'nvidia/cublas/lib/libcublas.so.12'],
  ['nvidia/cuda_nvcc/bin/ptxas', 'nvidia/cuda_nvcc/bin/ptxas'],
])('%s goes to %s', (entry, place) => {
  expect(placeOf(entry, linux)).toBe(place);
});

test.each([
  'tensorflow/python/framework/ops.py',
  'tensorflow/include/external/llvm-project/llvm/Support.h',
  'tensorflow/libtensorflow_cc.2.dylib',
  'nvidia/cublas/include/cublas.h',
])('%s stays in the wheel', (entry) => {
  expect(placeOf(entry, linux)).toBeUndefined();
});

test('on macOS the libraries have other names', () => {
  expect(placeOf('tensorflow/libtensorflow_cc.2.dylib', macos)).toBe('lib/libtensorflow_cc.2.dylib');
});
