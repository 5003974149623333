import type { Tensor4D } from '../runtime/tensorflow';
import { UserError } from '../system/user-error';
import type { ForwardOutput } from './method';

/** The feature maps of two networks, or their shapes, that a method compares one by one. */
export interface FeaturePairs<T> {
  readonly student: readonly T[];
  readonly teacher: readonly T[];
}

/**
 * The feature maps that methods compare: those of all stages but the stem, in order (the reference's feat[1:-1]). The
 * last stages of the network with more stages are left out, as by the reference's zip.
 */
export function stageFeatures<T>(student: readonly T[], teacher: readonly T[]): FeaturePairs<T> {
  const count = Math.min(student.length, teacher.length);
  return { student: student.slice(1, count), teacher: teacher.slice(1, count) };
}

export const stagesOf = (student: ForwardOutput, teacher: ForwardOutput): FeaturePairs<Tensor4D> =>
  stageFeatures(student.features, teacher.features);

/** The feature map after stage `layer`; 0 is the stem. @throws UserError where the network has no such stage */
export function featureAt<T>(maps: readonly T[], layer: number, whose: string): T {
  const map = maps[layer];
  if (map !== undefined) return map;
  throw new UserError(
    `layer=${layer}: the ${whose} has no such feature map; its maps are numbered 0 to ${maps.length - 1}.`,
  );
}
