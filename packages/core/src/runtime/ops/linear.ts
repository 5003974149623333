import { attr, execute } from '../binding';
import { type Tensor, type Tensor2D, tf } from '../tensorflow';
import { withGradient } from '../with-gradient';

const attrs = [attr.type('T', 'float32'), attr.string('data_format', 'NHWC')];

/**
 * x [..., c] plus bias [c], by BiasAdd, which TensorFlow fuses with the operation before it where it can.
 * @throws Error when the sizes do not fit
 */
export function addBias<T extends Tensor>(x: T, bias: Tensor): T {
  if (x.shape.at(-1) !== bias.size) {
    throw new Error(`addBias: ${bias.size} biases do not fit x [${x.shape}], which has ${x.shape.at(-1)} channels.`);
  }
  return withGradient(
    [x, bias],
    (input, offset) => ({ value: execute('BiasAdd', attrs, [input, offset]) }),
    (dy) => [dy.clone(), sumOverAllButLast(dy)],
  );
}

/**
 * Maps do not use BiasAddGrad: behind a convolution, and in compiled steps alone, TensorFlow fuses it with the
 * convolution's gradient, and the results would differ from eager ones in the last bits.
 */
function sumOverAllButLast(dy: Tensor): Tensor {
  if (dy.rank < 4) return execute('BiasAddGrad', attrs, [dy]);
  return tf.sum(tf.reshape(dy, [-1, dy.shape.at(-1) as number]), 0);
}

/**
 * x [batch, in] times weight [in, out], plus bias [out] where there is one: PyTorch's F.linear with its weight transposed.
 * @throws Error when the sizes do not fit
 */
export function linear(x: Tensor2D, weight: Tensor2D, bias?: Tensor): Tensor2D {
  if (x.shape[1] !== weight.shape[0]) {
    throw new Error(`linear: the weight takes ${weight.shape[0]} inputs, x has ${x.shape[1]}.`);
  }
  const y = tf.matMul(x, weight) as Tensor2D;
  return bias ? addBias(y, bias) : y;
}
