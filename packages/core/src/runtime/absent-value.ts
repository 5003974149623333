import { backend, DType, handleOf } from './binding';
import type { Tensor, Variable } from './tensorflow';

// Below all that a recording gives its tensors (trace.ts); TensorFlow's own handles are not negative.
let last = -(2 ** 40);

/** A tensor of the variable's shape with nothing beneath it: to be shown to recordings, not to be read. */
export const absentLike = ({ shape }: Variable): Tensor =>
  backend().createOutputTensor({ id: --last, shape: [...shape], dtype: DType.float32 });

/** Whether the variable's value is such a tensor. */
export const isAbsent = (variable: Variable): boolean => handleOf(variable) <= -(2 ** 40);
