import type { Mode } from '../../nn/layers';
import type { FeatureShape } from '../../nn/network-shape';
import type { Scope } from '../../nn/scope';
import type { Tensor4D } from '../../runtime/tensorflow';
import { convolutionalRegressor } from './convolutional-regressor';

/**
 * Takes the student's maps before their activation to the teacher's shapes, level by level, for activation boundaries
 * (arXiv 1811.03233; RepDistiller's models/util.py, Connector). A level that has the teacher's channels and height stays
 * as it is. Parameters `connectors.<level>.*`.
 */
export function connector(
  scope: Scope,
  student: readonly FeatureShape[],
  teacher: readonly FeatureShape[],
): (maps: readonly Tensor4D[], mode: Mode) => Tensor4D[] {
  const levels = student.map((from, i) => {
    const to = teacher[i] as FeatureShape;
    if (from.channels === to.channels && from.height === to.height) return (x: Tensor4D) => x;
    return convolutionalRegressor(scope.child('connectors').child(`${i}`), from, to, { relu: false });
  });
  return (maps, mode) => levels.map((connect, i) => connect(maps[i] as Tensor4D, mode));
}
