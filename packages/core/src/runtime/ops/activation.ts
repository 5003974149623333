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
