import type { Tensor4D } from '../runtime/tensorflow';
import { UserError } from '../system/user-error';
import type { ForwardOutput } from './method';

/** Of the maps of two networks, or of their shapes, those that are compared. */
export interface FeaturePairs<T> {
  readonly student: readonly T[];
  readonly teacher: readonly T[];
}

/**
 * The levels that feature methods compare: all stages but the stem, first with first (the reference's feat[1:-1]).
 * Where one network has more stages, its last ones are left out, as the reference's zip does.
 */
export function stageFeatures<T>(student: readonly T[], teacher: readonly T[]): FeaturePairs<T> {
  const count = Math.min(student.length, teacher.length);
  return { student: student.slice(1, count), teacher: teacher.slice(1, count) };
}

/** Those of two views. */
export const stagesOf = (student: ForwardOutput, teacher: ForwardOutput): FeaturePairs<Tensor4D> =>
  stageFeatures(student.features, teacher.features);

/** The map after stage `level`, 0 being the stem's. @throws UserError where the network has no such stage */
export function featureAt<T>(maps: readonly T[], level: number, whose: string): T {
  const map = maps[level];
  if (map !== undefined) return map;
  throw new UserError(
    `layer=${level} names no map of the ${whose}: it has ${maps.length}, from 0 to ${maps.length - 1}.`,
  );
}
