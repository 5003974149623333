/** How much of what the processor can compute, and of what its memory can give, a step reaches. */
import { measure } from '@headshare/core/nn/measure';
import type { NetworkDescription } from '@headshare/core/nn/network';
import type { StepGraph } from '@headshare/core/runtime/compile/compile';
import { nodeOf } from '@headshare/core/runtime/compile/graph-def';
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

/** Operations that move no values. */
const free: ReadonlySet<string> = new Set([
  'Const',
  'ExpandDims',
  'Identity',
  'Placeholder',
  'ReadVariableOp',
  'Reshape',
  'Squeeze',
  'VarHandleOp',
]);

const size = (shape: readonly number[] = []): number => shape.reduce((a, b) => a * b, 1);

/**
 * The bytes of a step's tensors, each counted where an operation writes it and where one reads it, as if caches kept nothing
 * between two operations. Tables that operations change in place are not counted.
 */
export function bytesOf({ nodes, shapes }: Pick<StepGraph, 'nodes' | 'shapes'>): number {
  const written = new Map<string, number>();
  for (const [reference, shape] of shapes) {
    written.set(nodeOf(reference), (written.get(nodeOf(reference)) ?? 0) + size(shape));
  }
  // A node that computes another one's output again, or waits for more, is named after it.
  const original = (reference: string) => reference.replace(/\/(again|gate)(?=:|$)/, '');
  const values = nodes
    .filter(({ op }) => !free.has(op))
    .flatMap(({ name, inputs }) => [
      written.get(original(name)) ?? 0,
      ...inputs.filter((one) => !one.startsWith('^')).map((one) => size(shapes.get(original(one)) ?? [0])),
    ]);
  return 4 * values.reduce((a, b) => a + b, 0);
}

/** The floating-point operations a second of a product of two matrices of 2048 x 2048, the median of eight. */
export async function matrixRate(): Promise<number> {
  return (2 * 2048 ** 3) / (await productSeconds(2048, 2048));
}

/** The bytes a second of a matrix of 268 MB that a product with a vector reads, the median of eight. */
export async function memoryRate(): Promise<number> {
  const rows = 2 ** 15;
  return (4 * rows * 2048) / (await productSeconds(rows, 1));
}

/** The seconds of a product of a matrix of `rows` x 2048 and one of 2048 x `columns`. */
async function productSeconds(rows: number, columns: number): Promise<number> {
  const inner = 2048;
  const state = new State();
  const declared = (name: string, shape: [number, number]) =>
    state.declare(
      name,
      'statistic',
      shape,
      Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => Math.sin(i)),
    );
  const a = declared('a', [rows, inner]) as unknown as Tensor2D;
  const b = declared('b', [inner, columns]) as unknown as Tensor2D;
  const program = new Program(state);
  const product = program.define('product', { by: { dtype: 'float32', shape: [] } }, ({ by }) => ({
    // One number leaves the function, so that copying is not measured.
    sum: tf.sum(tf.matMul(a, tf.mul(b, by) as Tensor2D)),
  }));
  const seconds = await secondsOf(() => product({ by: 0.5 }), 10);
  program.dispose();
  state.dispose();
  return median(seconds.slice(2));
}
