import { compileStep } from '@headshare/core/runtime/compile/compile';
import { State } from '@headshare/core/runtime/state';
import { type Tensor2D, tf } from '@headshare/core/runtime/tensorflow';
import { bytesOf } from './roofline';

test('the bytes of a step are those that its operations read and write', () => {
  const state = new State();
  const w = state.declare('w', 'trainable', [8, 3], new Float32Array(24)) as unknown as Tensor2D;
  const graph = compileStep(
    'step',
    { x: { dtype: 'float32', shape: [4, 8] } },
    ({ x }) => ({ y: tf.relu(tf.reshape(tf.matMul(x as Tensor2D, w), [12])) }),
    state,
    () => [],
  );
  // The product reads 32 and 24 values and writes 12; relu reads and writes 12. The new shape moves nothing.
  expect(bytesOf(graph)).toBe(4 * (32 + 24 + 12 + 12 + 12));
  state.dispose();
});
