import { float64GradientErrors } from '../../../test/float64-gradient-check';
import { randomValues } from '../../../test/gradient-check';
import type { Tensor } from '../tensorflow';
import { opsPrelu, relu } from './activation';

test.each([[[2, 3, 5, 3]], [[1, 1]]])('ReLU of %p has the gradient of central differences', async (shape) => {
  const [error] = await float64GradientErrors((x) => relu(x), [randomValues('x', shape)]);
  expect(error).toBeLessThan(1e-6);
});

test.each([[[2, 3, 5, 3]], [[4, 1]]])(
  "PReLU of %p by TensorFlow's operations has the gradients of central differences",
  async (shape) => {
    const inputs = [randomValues('x', shape), randomValues('slope', [shape.at(-1) ?? 1])];
    const op = (...[x, slope]: Tensor[]) => opsPrelu(x as Tensor, slope as Tensor);
    for (const error of await float64GradientErrors(op, inputs)) expect(error).toBeLessThan(1e-6);
  },
);
