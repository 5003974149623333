import { type Attr, attr, execute } from '../binding';
import { type Tensor, type Tensor4D, tf } from '../tensorflow';

export interface ConvolutionOptions {
  readonly stride?: number;
  /** Zeros on every side, as PyTorch counts them ('same' at stride 2 is something else). */
  readonly padding?: number;
}

function attrs({ stride = 1, padding = 0 }: ConvolutionOptions): Attr[] {
  return [
    attr.type('T', 'float32'),
    attr.ints('strides', [1, stride, stride, 1]),
    attr.string('padding', padding === 0 ? 'VALID' : 'EXPLICIT'),
    attr.ints('explicit_paddings', padding === 0 ? [] : [0, 0, padding, padding, padding, padding, 0, 0]),
    attr.string('data_format', 'NHWC'),
    attr.ints('dilations', [1, 1, 1, 1]),
  ];
}

export const sizes = (tensor: Tensor): Tensor => tf.tensor1d(tensor.shape, 'int32');

/**
 * A convolution of TensorFlow's, and the two operations that are its gradients, by their names.
 */
export function convolutionOf(forward: string, toInput: string, toFilter: string) {
  return (x: Tensor4D, filter: Tensor4D, options: ConvolutionOptions = {}): Tensor4D => {
    const own = attrs(options);
    const run = tf.customGrad((...args) => {
      const [input, weights, save] = args as unknown as [Tensor, Tensor, (saved: Tensor[]) => void];
      save([input, weights]);
      return {
        value: execute(forward, own, [input, weights]),
        gradFunc: (dy: Tensor, saved: Tensor[]) => {
          const [a, w] = saved as [Tensor, Tensor];
          return [execute(toInput, own, [sizes(a), w, dy]), execute(toFilter, own, [a, sizes(w), dy])];
        },
      };
    });
    return run(x, filter) as Tensor4D;
  };
}
