/** How much of what the processor can compute a step reaches. */
import { measure } from '@headshare/core/nn/measure';
import type { NetworkDescription } from '@headshare/core/nn/network';
import { Program } from '@headshare/core/runtime/program';
import { State } from '@headshare/core/runtime/state';
import { type Tensor2D, tf } from '@headshare/core/runtime/tensorflow';
import { median, secondsOf } from '../measurement';
import type { StepCase } from './cases';

const multiplyAdds = ({ backbone, inputSize, width, embeddingSize, classes }: NetworkDescription): number =>
  measure(backbone, { inputSize, width, classes, ...(embeddingSize !== undefined && { embeddingSize }) }).multiplyAdds;

/**
 * The floating-point operations of a training step for one image, by definition: two for a multiply-add; the gradients take
 * twice the student's forward pass; a teacher has a forward pass alone. Winograd's algorithm takes fewer.
 */
export const operationsOf = ({ student, teacher }: StepCase): number =>
  2 * (3 * multiplyAdds(student) + (teacher ? multiplyAdds(teacher) : 0));

/** The floating-point operations a second of a product of two matrices of 2048 x 2048, the median of eight. */
export async function matrixRate(): Promise<number> {
  const size = 2048;
  const state = new State();
  const values = Float32Array.from({ length: size * size }, (_, i) => Math.sin(i));
  const a = state.declare('a', 'statistic', [size, size], values);
  const program = new Program(state);
  const product = program.define('product', { by: { dtype: 'float32', shape: [] } }, ({ by }) => ({
    // One number leaves the function, so that copying is not measured.
    sum: tf.sum(tf.matMul(a as unknown as Tensor2D, tf.mul(a as unknown as Tensor2D, by) as Tensor2D)),
  }));
  const seconds = await secondsOf(() => product({ by: 0.5 }), 10);
  program.dispose();
  state.dispose();
  return (2 * size ** 3) / median(seconds.slice(2));
}
