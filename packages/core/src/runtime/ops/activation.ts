import { attr, execute, executeAll, hasKernel } from '../binding';
import { type Tensor, tf } from '../tensorflow';

/** What makes a network more than linear: max(x, 0), or PReLU with one slope a channel. */
export type Activation = 'relu' | { readonly slope: Tensor };

export function activate<T extends Tensor>(x: T, activation: Activation): T {
  return activation === 'relu' ? relu(x) : prelu(x, activation.slope);
}

const type = [attr.type('T', 'float32')];

/** max(x, 0), its gradient from the output, so that the input need not be kept. */
export function relu<T extends Tensor>(x: T): T {
  const run = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [Tensor, (saved: Tensor[]) => void];
    const y = execute('Relu', type, [input]);
    save([y]);
    return { value: y, gradFunc: (dy: Tensor, [out]: Tensor[]) => execute('ReluGrad', type, [dy, out as Tensor]) };
  });
  return run(x) as T;
}

/**
 * x where positive, alpha x elsewhere; alpha [c] is one slope a channel (the last axis of x). On the CPU by kernels of
 * our own (packages/core/native/prelu.cc): of element-wise operations it takes nearly half of a MobileFaceNet's step.
 */
export function prelu<T extends Tensor>(x: T, alpha: Tensor): T {
  return hasKernel('HeadsharePRelu') && hasKernel('HeadsharePReluGrad') ? kernelPrelu(x, alpha) : opsPrelu(x, alpha);
}

function kernelPrelu<T extends Tensor>(x: T, alpha: Tensor): T {
  const run = tf.customGrad((...args) => {
    const [input, slope, save] = args as unknown as [Tensor, Tensor, (saved: Tensor[]) => void];
    save([input, slope]);
    return {
      value: execute('HeadsharePRelu', [], [input, slope]),
      gradFunc: (dy: Tensor, saved: Tensor[]) => executeAll('HeadsharePReluGrad', [], [dy, ...saved], 2),
    };
  });
  return run(x, alpha) as T;
}

/** PReLU of TensorFlow's own operations, for any device. */
export function opsPrelu<T extends Tensor>(x: T, alpha: Tensor): T {
  const run = tf.customGrad((...args) => {
    const [input, slope, save] = args as unknown as [Tensor, Tensor, (saved: Tensor[]) => void];
    const positive = execute('Relu', type, [input]);
    const negative = tf.sub(input, positive);
    save([input, slope]);
    return {
      value: tf.add(positive, tf.mul(slope, negative)),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [a, s] = saved as [Tensor, Tensor];
        const above = execute('ReluGrad', type, [dy, a]);
        const below = tf.sub(dy, above);
        const axes = a.shape.slice(0, -1).map((_, axis) => axis);
        return [tf.add(above, tf.mul(s, below)), tf.sum(tf.mul(below, a), axes)];
      },
    };
  });
  return run(x, alpha) as T;
}
