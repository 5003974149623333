import { attr, execute } from '../binding';
import { type Tensor, tf } from '../tensorflow';

const type = [attr.type('T', 'float32')];

/** x sigmoid(x): PyTorch's `silu`. It keeps nothing but x: a sigmoid is quicker computed again than read from memory. */
export function silu<T extends Tensor>(x: T): T {
  const run = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [Tensor, (saved: Tensor[]) => void];
    save([input]);
    return {
      value: tf.mul(input, execute('Sigmoid', type, [input])),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [a] = saved as [Tensor];
        const share = execute('Sigmoid', type, [a]);
        return tf.add(tf.mul(dy, share), execute('SigmoidGrad', type, [share, tf.mul(dy, a)]));
      },
    };
  });
  return run(x) as T;
}
