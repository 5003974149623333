/** For tests of operations: input values, and gradients by central differences. */
import { scoped, type Tensor, tf } from '../src/runtime/tensorflow';

/** Values in [-1, 1) that depend on the name alone. */
export function randomValues(name: string, shape: readonly number[]): Tensor {
  return tf.randomUniform([...shape], -1, 1, 'float32', name);
}

/** Whole numbers around 0 without symmetry, so that sums of products are exact: (i factor mod modulus) - modulus / 2. */
export function wholeNumbers(shape: readonly number[], factor: number, modulus: number): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = Float32Array.from({ length: size }, (_, i) => ((i * factor) % modulus) - Math.floor(modulus / 2));
  return tf.tensor(values, [...shape]);
}

/**
 * Compares the gradients of a randomly weighted sum of `op`'s values with central differences, taken in float64 from
 * float32 values.
 * @returns for each input, the largest difference divided by the largest entry
 */
export function gradientErrors(op: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[], step = 1e-2): number[] {
  const weights = randomValues(
    'weights',
    scoped(() => op(...inputs).shape),
  );
  const weightValues = weights.dataSync();
  const total = (given: readonly Tensor[]): number =>
    scoped(() => {
      const values = Array.from(op(...given).dataSync());
      return values.reduce((sum, value, i) => sum + value * (weightValues[i] ?? 0), 0);
    });
  const gradients = tf.grads((...given) => tf.sum(tf.mul(op(...given), weights)))([...inputs]);
  const errors = gradients.map((gradient, which) => {
    const values = (inputs[which] as Tensor).dataSync();
    const analytic = gradient.dataSync();
    const numeric = Array.from(values, (value, i) => {
      const [above, below] = [Math.fround(value + step), Math.fround(value - step)];
      const [up, down] = [above, below].map((moved) => {
        const changed = Float32Array.from(values);
        changed[i] = moved;
        const input = tf.tensor(changed, gradient.shape);
        const sum = total(inputs.map((one, j) => (j === which ? input : one)));
        input.dispose();
        return sum;
      }) as [number, number];
      return (up - down) / (above - below);
    });
    const largest = Math.max(...numeric.map(Math.abs), 1e-6);
    return Math.max(...numeric.map((value, i) => Math.abs(value - (analytic[i] ?? Number.NaN)))) / largest;
  });
  tf.dispose([weights, ...gradients]);
  return errors;
}

/** The number of tensors that `body` leaks, after disposing of its result. */
export function leaked(body: () => Tensor | Tensor[]): number {
  const before = tf.memory().numTensors;
  tf.dispose(tf.tidy(body));
  return tf.memory().numTensors - before;
}
