import { batchNorm, type Mode } from '../../nn/layers';
import type { FeatureShape } from '../../nn/network-shape';
import type { Scope } from '../../nn/scope';
import type { Tensor4D } from '../../runtime/tensorflow';
import { UserError } from '../../system/user-error';
import { moduleConvolution, moduleTransposedConvolution } from './convolution';

/** The convolution from the student's height and width to the teacher's. */
function fitting(scope: Scope, student: FeatureShape, teacher: FeatureShape): (x: Tensor4D) => Tensor4D {
  const channels = { inputs: student.channels, outputs: teacher.channels };
  if (student.height === 2 * teacher.height && Math.ceil(student.width / 2) === teacher.width) {
    return moduleConvolution(scope, { ...channels, kernel: 3, stride: 2, padding: 1 });
  }
  if (2 * student.height === teacher.height && 2 * student.width === teacher.width) {
    return moduleTransposedConvolution(scope, { ...channels, kernel: 4, stride: 2, padding: 1 });
  }
  const kernel = [1 + student.height - teacher.height, 1 + student.width - teacher.width] as const;
  if (kernel[0] >= 1 && kernel[1] >= 1) return moduleConvolution(scope, { ...channels, kernel });
  throw new UserError(
    `No regressor maps ${student.height}x${student.width} to ${teacher.height}x${teacher.width}: the student's feature map must be at least as large as the teacher's, or half as large.`,
  );
}

/**
 * FitNets' regressor (arXiv 1412.6550; RepDistiller's models/util.py, ConvReg): convolution, batch norm and, unless
 * `relu` is false, ReLU bring the student's feature map [batch, h, w, c] to the teacher's shape. Parameters `conv.*`,
 * `bn.*`.
 * @throws UserError where no convolution leads from one size to the other
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
