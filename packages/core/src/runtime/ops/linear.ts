import { attr, execute } from '../binding';
import { type Tensor, type Tensor2D, tf } from '../tensorflow';

const attrs = [attr.type('T', 'float32'), attr.string('data_format', 'NHWC')];

/** x [..., c] plus bias [c], by TensorFlow's operation for it, which it fuses with what made x where it can. */
export function addBias<T extends Tensor>(x: T, bias: Tensor): T {
  if (x.shape.at(-1) !== bias.size) {
    throw new Error(`addBias: ${bias.size} biases do not fit x [${x.shape}], which has ${x.shape.at(-1)} channels.`);
  }
  const run = tf.customGrad((...args) => {
    const [input, offset] = args as unknown as [Tensor, Tensor];
    return {
      value: execute('BiasAdd', attrs, [input, offset]),
      gradFunc: (dy: Tensor) => [dy.clone(), sumOverAllButLast(dy)],
    };
  });
  return run(x, bias) as T;
}

/**
 * Not by BiasAddGrad on maps: behind a convolution TensorFlow makes one operation of its gradient and that one, in
 * compiled steps alone, and they would differ in the last bits from steps run operation by operation.
 */
function sumOverAllButLast(dy: Tensor): Tensor {
  if (dy.rank < 4) return execute('BiasAddGrad', attrs, [dy]);
  return tf.sum(tf.reshape(dy, [-1, dy.shape.at(-1) as number]), 0);
}

/**
 * x [batch, in] times weight [in, out], plus bias [out] where there is one: PyTorch's F.linear, whose weight is the
 * transpose of this.
 * @throws Error when the sizes do not fit
 */
export function linear(x: Tensor2D, weight: Tensor2D, bias?: Tensor): Tensor2D {
  if (x.shape[1] !== weight.shape[0]) {
    throw new Error(`linear: the weight takes ${weight.shape[0]} inputs, x has ${x.shape[1]}.`);
  }
  const y = tf.matMul(x, weight) as Tensor2D;
  return bias ? addBias(y, bias) : y;
}
