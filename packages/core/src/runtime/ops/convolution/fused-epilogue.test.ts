import { leaked, randomValues } from '../../../../test/gradient-check';
import { hasKernel } from '../../binding';
import { type Tensor, type Tensor1D, type Tensor4D, tf } from '../../tensorflow';
import { type Activation, activate } from '../activation';
import { depthwiseInference } from './depthwise';
import type { Epilogue } from './fused-epilogue';
import { packedInference } from './packed';
import { winogradInference } from './winograd';

const onCpu = hasKernel('HeadshareDepthwiseFused') ? test : test.skip;

const random = (name: string, shape: number[]) => randomValues(name, shape) as Tensor4D;
const bits = (tensor: Tensor) => Array.from(tensor.dataSync());
// Wide enough to reach the kinks at -3, 3 and 6.
const x = tf.mul(random('x', [2, 7, 6, 19]), 8) as Tensor4D;
const bias = randomValues('bias', [19]) as Tensor1D;

type Convolution = (epilogue: Epilogue) => Tensor4D | undefined;

const convolutions: [string, Convolution][] = [
  ['packed', (epilogue) => packedInference(x, random('filter', [1, 1, 19, 19]), {}, epilogue)],
  ['Winograd', (epilogue) => winogradInference(x, random('filter', [3, 3, 19, 19]), epilogue, 'tiles2')],
  ['strided', (epilogue) => winogradInference(x, random('filter', [3, 3, 19, 19]), epilogue, 'strided')],
  ['depthwise', (epilogue) => depthwiseInference(x, random('filter', [3, 3, 19, 1]), { padding: 1 }, epilogue)],
];
const activations: Activation[] = [
  'relu',
  'relu6',
  'hard-swish',
  'hard-sigmoid',
  { slope: randomValues('slope', [19]) },
];

describe.each(convolutions)('a %s convolution', (_, convolve) => {
  const plain = () => convolve({ bias: tf.zeros([19]) as Tensor1D }) as Tensor4D;

  onCpu.each(activations.map((one) => [typeof one === 'object' ? 'PReLU' : one, one] as const))(
    'with bias, residual and %s has the bits of separate operations',
    (_name, activation) => {
      const residual = random('residual', plain().shape);
      const sum = tf.add(plain(), bias) as Tensor4D;
      expect(bits(convolve({ bias, activation }) as Tensor)).toEqual(bits(activate(sum, activation)));
      const added = activate(tf.add(sum, residual) as Tensor4D, activation);
      expect(bits(convolve({ bias, residual, activation }) as Tensor)).toEqual(bits(added));
    },
  );

  onCpu('leaks nothing', () => {
    expect(leaked(() => convolve({ bias, activation: 'hard-swish' }) as Tensor)).toBe(0);
  });

  onCpu('keeps NaNs', () => {
    for (const activation of activations) {
      const y = convolve({ bias: tf.fill([19], Number.NaN) as Tensor1D, activation }) as Tensor;
      expect(bits(y).every(Number.isNaN)).toBe(true);
    }
  });
});

onCpu('a depthwise convolution takes over the memory of a residual that nobody else needs', () => {
  const filter = random('filter', [3, 3, 19, 1]);
  const residual = random('residual', [2, 7, 6, 19]);
  const expected = bits(
    tf.add(depthwiseInference(x, filter, { padding: 1 }, { bias }) as Tensor4D, tf.square(residual)),
  );
  const y = tf.tidy(() => depthwiseInference(x, filter, { padding: 1 }, { bias, residual: tf.square(residual) }));
  expect(bits(y as Tensor)).toEqual(expected);
});

onCpu('the fused depthwise kernel refuses a bias of another size, and serves one filter a channel alone', () => {
  const filter = random('filter', [3, 3, 19, 1]);
  expect(() => depthwiseInference(x, filter, { padding: 1 }, { bias: tf.zeros([3]) as Tensor1D })).toThrow(
    'HeadshareDepthwiseFused: bias must be [19]; got [3].',
  );
  expect(depthwiseInference(x, random('filter', [3, 3, 19, 2]), {}, { bias })).toBeUndefined();
});
