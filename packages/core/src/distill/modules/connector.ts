import type { Mode } from '../../nn/layers';
import type { FeatureShape } from '../../nn/network-shape';
import type { Scope } from '../../nn/scope';
import type { Tensor4D } from '../../runtime/tensorflow';
import { convolutionalRegressor } from './convolutional-regressor';

/**
 * Brings the student's feature maps before their activation to the teacher's shapes, for activation boundaries (arXiv
 * 1811.03233; RepDistiller's models/util.py, Connector). A map of the teacher's shape is unchanged.
 * Parameters `connectors.<index>.*`.
 */
export function connector(
  scope: Scope,
  student: readonly FeatureShape[],
  teacher: readonly FeatureShape[],
): (maps: readonly Tensor4D[], mode: Mode) => Tensor4D[] {
  const connectors = student.map((from, i) => {
    const to = teacher[i] as FeatureShape;
    const isAlike = from.channels === to.channels && from.height === to.height && from.width === to.width;
    if (isAlike) return (x: Tensor4D) => x;
    return convolutionalRegressor(scope.child('connectors').child(`${i}`), from, to, { relu: false });
  });
  return (maps, mode) => connectors.map((connect, i) => connect(maps[i] as Tensor4D, mode));
}
