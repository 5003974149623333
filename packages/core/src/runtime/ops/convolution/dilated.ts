import { type Tensor4D, tf } from '../../tensorflow';
import type { Window } from './window';

/**
 * A dilated convolution at stride 1, as one convolution without dilation for each offset within `dilation` pixels.
 * TensorFlow's gradients on the CPU do not support dilation, so the offsets become part of the batch (Yu and Koltun, arXiv
 * 1511.07122; TensorFlow's own tf.nn.with_space_to_batch).
 * @param convolve the convolution without padding, stride and dilation
 */
export function dilated(x: Tensor4D, window: Window, convolve: (x: Tensor4D) => Tensor4D): Tensor4D {
  const block = window.map(({ dilation }) => dilation);
  // Padding at the end makes whole blocks; the outputs that come from it are cropped.
  const extra = window.map(({ size, before, after, dilation }) => {
    const over = (before + size + after) % dilation;
    return over === 0 ? 0 : dilation - over;
  });
  const paddings = window.map(({ before, after }, axis) => [before, after + (extra[axis] ?? 0)]);
  const crops = extra.map((behind) => [0, behind]);
  return tf.batchToSpaceND(convolve(tf.spaceToBatchND(x, block, paddings)), block, crops);
}
