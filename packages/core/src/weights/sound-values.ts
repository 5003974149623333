import type { NamedValues } from '../runtime/state';
import { UserError } from '../system/user-error';
import { shown } from './refusal';

/** Statistics that no network can compute with below 0. */
const variance = /(^|\.)running_var$/;

/**
 * Checks that a network can compute with these values. @param name the tensor's, as its file writes it
 * @param isVariance default: by its name in PyTorch
 * @throws UserError that names file, tensor and position of the first value that is NaN, infinite or a negative variance
 */
export function requireSound(
  file: string,
  name: string,
  { shape, values }: NamedValues,
  isVariance = variance.test(name),
): void {
  const mayBeNegative = !isVariance;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    // The difference is NaN for NaN and for both infinities.
    if (value - value === 0 && (mayBeNegative || value >= 0)) continue;
    const what = Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? `the negative variance ${value}` : `${value}`;
    throw new UserError(`${file} holds no usable weights: ${shown(name)} is ${what} at [${position(i, shape)}].`, 1);
  }
}

/** The index of the i-th value along each axis. */
function position(i: number, shape: readonly number[]): number[] {
  let rest = i;
  const index = shape.toReversed().map((length) => {
    const at = rest % length;
    rest = Math.floor(rest / length);
    return at;
  });
  return index.reverse();
}
