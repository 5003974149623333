import { batchNorm, type Mode } from '../../nn/layers';
import type { FeatureShape } from '../../nn/network-shape';
import type { Scope } from '../../nn/scope';
import type { Tensor4D } from '../../runtime/tensorflow';
import { UserError } from '../../system/user-error';
import { partConvolution, partTransposedConvolution } from './convolution';

/** The convolution that takes a map of the student's height to one of the teacher's. */
function fitting(scope: Scope, student: FeatureShape, teacher: FeatureShape): (x: Tensor4D) => Tensor4D {
  const channels = { inputs: student.channels, outputs: teacher.channels };
  if (student.height === 2 * teacher.height) {
    return partConvolution(scope, { ...channels, kernel: 3, stride: 2, padding: 1 });
  }
  if (2 * student.height === teacher.height) {
    return partTransposedConvolution(scope, { ...channels, kernel: 4, stride: 2, padding: 1 });
  }
  const kernel = [1 + student.height - teacher.height, 1 + student.width - teacher.width] as const;
  if (kernel[0] >= 1 && kernel[1] >= 1) return partConvolution(scope, { ...channels, kernel });
  throw new UserError(
    `There is no regressor from a map of ${student.height}x${student.width} to one of ${teacher.height}x${teacher.width}: the student's must be as large as the teacher's or larger, or half as large.`,
  );
}

/**
 * FitNets' regressor (arXiv 1412.6550; RepDistiller's models/util.py, ConvReg): convolution, batch norm and, unless
 * `relu` is false, ReLU take the student's map [batch, h, w, c] to the teacher's shape. Parameters `conv.*`, `bn.*`.
 * @throws UserError where the sizes have no convolution between them
 */
export function convolutionalRegressor(
  scope: Scope,
  student: FeatureShape,
  teacher: FeatureShape,
  { relu = true }: { readonly relu?: boolean } = {},
): (x: Tensor4D, mode: Mode) => Tensor4D {
  const convolve = fitting(scope.child('conv'), student, teacher);
  const norm = batchNorm(scope.child('bn'), teacher.channels);
  return (x, mode) => norm(convolve(x), mode, relu ? { activation: 'relu' } : {});
}
