import { float64GradientErrors } from '../../../../test/float64-gradient-check';
import { randomValues } from '../../../../test/gradient-check';
import type { Tensor, Tensor4D } from '../../tensorflow';
import { filterConvolution } from './filter-convolution';

// TensorFlow's own, whatever kernel depthwiseConv2d prefers.
const depthwise = filterConvolution(
  'DepthwiseConv2dNative',
  'DepthwiseConv2dNativeBackpropInput',
  'DepthwiseConv2dNativeBackpropFilter',
);

test.each([
  [{}, [3, 3, 3, 1]],
  [{ padding: 1 }, [3, 3, 3, 1]],
  [{ padding: 1, stride: 2 }, [3, 3, 3, 1]],
  [{ padding: [1, 0] }, [2, 3, 3, 2]],
] as const)('a depthwise convolution with %p has the gradients of central differences', async (options, shape) => {
  const op = (...[x, w]: Tensor[]) => depthwise(x as Tensor4D, w as Tensor4D, options);
  const inputs = [randomValues('x', [2, 5, 4, 3]), randomValues('filter', shape)];
  for (const error of await float64GradientErrors(op, inputs)) expect(error).toBeLessThan(1e-6);
});
