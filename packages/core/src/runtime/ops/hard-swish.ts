/** Activations made of min(max(x, 0), 6): MobileNetV2's, and MobileNetV3's cheap stand-ins for sigmoid and SiLU. */
import { attr, execute } from '../binding';
import { type Tensor, tf } from '../tensorflow';

const type = [attr.type('T', 'float32')];

/** min(max(x, 0), 6), its gradient from the output, so that the input need not be kept; 0 at both kinks, as in PyTorch. */
export function relu6<T extends Tensor>(x: T): T {
  const run = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [Tensor, (saved: Tensor[]) => void];
    const y = execute('Relu6', type, [input]);
    save([y]);
    return { value: y, gradFunc: (dy: Tensor, [out]: Tensor[]) => execute('Relu6Grad', type, [dy, out as Tensor]) };
  });
  return run(x) as T;
}

/** min(max(x + 3, 0), 6) / 6: PyTorch's `hardsigmoid`. */
export function hardSigmoid<T extends Tensor>(x: T): T {
  return tf.mul(relu6(tf.add(x, 3)), 1 / 6) as T;
}

/**
 * x hardSigmoid(x): PyTorch's `hardswish` (Howard et al., arXiv 1905.02244, section 5.2). It keeps nothing but x. Its
 * gradient at the kinks is 0 at -3, as in PyTorch, and 1 at 3.
 */
export function hardSwish<T extends Tensor>(x: T): T {
  const run = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [Tensor, (saved: Tensor[]) => void];
    save([input]);
    return {
      value: tf.mul(tf.mul(input, 1 / 6), execute('Relu6', type, [tf.add(input, 3)])),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [a] = saved as [Tensor];
        const sixth = tf.mul(dy, 1 / 6);
        const moved = tf.add(a, 3);
        const direct = tf.mul(sixth, execute('Relu6', type, [moved]));
        return tf.add(direct, tf.mul(a, execute('Relu6Grad', type, [sixth, moved])));
      },
    };
  });
  return run(x) as T;
}
