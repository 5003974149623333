import { attr, execute, executeAll, hasKernel } from '../binding';
import { type Tensor, tf } from '../tensorflow';
import { withGradient } from '../with-gradient';

/** An activation by its name, or PReLU with one slope per channel. Kernels apply them to their results in evaluation. */
export type Activation = 'relu' | 'relu6' | 'hard-swish' | 'hard-sigmoid' | { readonly slope: Tensor };

export function activate<T extends Tensor>(x: T, activation: Activation): T {
  if (typeof activation === 'object') return prelu(x, activation.slope);
  return { relu, relu6, 'hard-swish': hardSwish, 'hard-sigmoid': hardSigmoid }[activation](x);
}

const type = [attr.type('T', 'float32')];

/** An activation whose gradient needs its output alone, so that the input need not be kept. */
function fromOutput<T extends Tensor>(x: T, op: 'Relu' | 'Relu6'): T {
  return withGradient(
    [x],
    (input) => {
      const value = execute(op, type, [input]);
      return { value, saved: [value] };
    },
    (dy, y) => execute(`${op}Grad`, type, [dy, y]),
  );
}

/** max(x, 0). */
export const relu = <T extends Tensor>(x: T): T => fromOutput(x, 'Relu');

/** min(max(x, 0), 6). Its gradient is 0 at both kinks, as in PyTorch. */
export const relu6 = <T extends Tensor>(x: T): T => fromOutput(x, 'Relu6');

/**
 * x where positive, alpha x elsewhere; alpha [c] is one slope per channel, the last axis of x. On the CPU it runs kernels of
 * this package (packages/core/native/prelu.cc), because PReLU takes nearly half of MobileFaceNet's element-wise time.
 */
export function prelu<T extends Tensor>(x: T, alpha: Tensor): T {
  if (!hasKernel('HeadsharePRelu') || !hasKernel('HeadsharePReluGrad')) return opsPrelu(x, alpha);
  return withGradient(
    [x, alpha],
    (input, slope) => ({ value: execute('HeadsharePRelu', [], [input, slope]), saved: [input, slope] }),
    (dy, ...saved) => executeAll('HeadsharePReluGrad', [], [dy, ...saved], 2),
  );
}

/** PReLU from TensorFlow's own operations, for any device. */
export function opsPrelu<T extends Tensor>(x: T, alpha: Tensor): T {
  return withGradient(
    [x, alpha],
    (input, slope) => {
      const positive = execute('Relu', type, [input]);
      const negative = tf.sub(input, positive);
      return { value: tf.add(positive, tf.mul(slope, negative)), saved: [input, slope] };
    },
    (dy, input, slope) => {
      const above = execute('ReluGrad', type, [dy, input]);
      const below = tf.sub(dy, above);
      const axes = input.shape.slice(0, -1).map((_, axis) => axis);
      return [tf.add(above, tf.mul(slope, below)), tf.sum(tf.mul(below, input), axes)];
    },
  );
}

/** min(max(x + 3, 0), 6) / 6: PyTorch's `hardsigmoid`. On the CPU by a kernel of this package (native/hard-activations.cc). */
export function hardSigmoid<T extends Tensor>(x: T): T {
  if (!hasKernel('HeadshareHardSigmoid')) return opsHardSigmoid(x);
  return withGradient(
    [x],
    (input) => ({ value: execute('HeadshareHardSigmoid', [], [input]), saved: [input] }),
    (dy, input) => execute('Relu6Grad', type, [tf.mul(dy, 1 / 6), tf.add(input, 3)]),
  );
}

/** The same from TensorFlow's own operations, for any device. */
export const opsHardSigmoid = <T extends Tensor>(x: T): T => tf.mul(relu6(tf.add(x, 3)), 1 / 6) as T;

/**
 * x hardSigmoid(x): PyTorch's `hardswish` (Howard et al., arXiv 1905.02244, section 5.2). It keeps only x. Its gradient at
 * the kinks is 0 at -3, as in PyTorch, and 1 at 3. On the CPU by kernels of this package (native/hard-activations.cc).
 */
export function hardSwish<T extends Tensor>(x: T): T {
  if (!hasKernel('HeadshareHardSwish') || !hasKernel('HeadshareHardSwishGrad')) return opsHardSwish(x);
  return withGradient(
    [x],
    (input) => ({ value: execute('HeadshareHardSwish', [], [input]), saved: [input] }),
    (dy, input) => execute('HeadshareHardSwishGrad', [], [dy, input]),
  );
}

/** The same from TensorFlow's own operations, for any device. */
export function opsHardSwish<T extends Tensor>(x: T): T {
  return withGradient(
    [x],
    (input) => ({
      value: tf.mul(tf.mul(input, 1 / 6), execute('Relu6', type, [tf.add(input, 3)])),
      saved: [input],
    }),
    (dy, input) => {
      const sixth = tf.mul(dy, 1 / 6);
      const shifted = tf.add(input, 3);
      const direct = tf.mul(sixth, execute('Relu6', type, [shifted]));
      return tf.add(direct, tf.mul(input, execute('Relu6Grad', type, [sixth, shifted])));
    },
  );
}

/** x sigmoid(x): PyTorch's `silu`. It keeps only x, because computing a sigmoid again is faster than reading it. */
export function silu<T extends Tensor>(x: T): T {
  return withGradient(
    [x],
    (input) => ({ value: tf.mul(input, execute('Sigmoid', type, [input])), saved: [input] }),
    (dy, input) => {
      const share = execute('Sigmoid', type, [input]);
      return tf.add(tf.mul(dy, share), execute('SigmoidGrad', type, [share, tf.mul(dy, input)]));
    },
  );
}
