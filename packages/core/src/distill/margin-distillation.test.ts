/** Expected values: PyTorch, in float64, with the formula of david-svitov/margindistillation's train.py. */

import { termsOf } from '../../test/terms-of';
import { heads } from '../nn/registry';
import { Scope } from '../nn/scope';
import { randomKey } from '../runtime/ops/random';
import { State } from '../runtime/state';
import { type Scalar, scoped, type Tensor1D, type Tensor2D, tf } from '../runtime/tensorflow';
import type { ForwardOutput, StepContext } from './method';
import { methods } from './registry';

const method = methods.named('margin-distillation');
const from = (rows: number, columns: number, at: (i: number) => number) =>
  tf.tensor2d(
    Float32Array.from({ length: rows * columns }, (_, i) => at(i)),
    [rows, columns],
  );

test("loss and gradient follow the published formula, with margins from the teacher's angles", () => {
  const state = new State();
  const head = heads.named('arcface').build(Scope.root(state, 'net', 1), { inputs: 4, classes: 5, scale: 16 });
  state.get('net/weight')?.variable.assign(from(4, 5, (i) => Math.sin(1 + i)));
  scoped(() => {
    const labels = tf.tensor1d([1, 4, 0], 'int32') as Tensor1D;
    const teacherEmbeddings = from(3, 4, (i) => Math.cos(3 * i));
    const outputOf = (embedding: Tensor2D) => ({ embedding, logits: head.logits(embedding) }) as ForwardOutput;
    const teacher = outputOf(teacherEmbeddings);
    const lossOf = (z: Tensor2D) => {
      const step = { student: outputOf(z), teacher, columns: labels, cosineScale: head.cosineScale };
      return termsOf(method, step as StepContext).ce?.value as Scalar;
    };
    const z = from(3, 4, (i) => Math.cos(2 * i) * (1 + i));
    const { value, grad } = tf.valueAndGrad((x) => lossOf(x as Tensor2D))(z);
    expect(value.dataSync()[0]).toBeCloseTo(13.425204628949006, 4);
    const expected = [
      -0.33735, -0.5661951, 0.0880137, 0.0100759, 0.0008359, 0.0120958, 0.0124217, -0.0108519, 0.0637457, 0.1483502,
      0.1704125, 0.0995978,
    ];
    for (const [i, slope] of grad.dataSync().entries()) expect(slope).toBeCloseTo(expected[i] ?? 0, 4);
  });
  state.dispose();
});

test('a teacher without class centres is refused', () => {
  const step = { columns: tf.tensor1d([0], 'int32'), random: randomKey(tf.tensor1d([0, 0], 'int32')) };
  expect(() => termsOf(method, step as unknown as StepContext)).toThrow('needs a teacher with class centres');
});
