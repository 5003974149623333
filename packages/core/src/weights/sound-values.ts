import { type GivenValues, piecesOf } from '../runtime/stored-values';
import { UserError } from '../system/user-error';
import { isFloat } from './element-types';
import type { ExternalTensor, ExternalTensors } from './external-tensor';
import { shown } from './refusal';

/** Statistics that no network can compute with below 0. */
const variance = /(^|\.)running_var$/;

/**
 * Checks that a network can compute with these values. @param name the tensor's, as its file writes it
 * @param isVariance default: by its name in PyTorch
 * @throws UserError that names file, tensor and position of the first value that is NaN, infinite or a negative variance
 */
export function requireSound(file: string, name: string, given: GivenValues, isVariance = variance.test(name)): void {
  let before = 0;
  for (const values of piecesOf(given)) {
    const i = firstUnsound(values, isVariance);
    if (i >= 0) {
      const value = values[i] as number;
      const what = Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? `the negative variance ${value}` : `${value}`;
      const at = position(before + i, given.shape);
      throw new UserError(`${file} holds no usable weights: ${shown(name)} is ${what} at [${at}].`, 1);
    }
    before += values.length;
  }
}

/** The index of the first value that is not finite, or negative though it is a variance; -1: there is none. */
export function firstUnsound(values: Float32Array, isVariance = false): number {
  const mayBeNegative = !isVariance;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    // The difference is NaN for NaN and for both infinities.
    if (!(value - value === 0 && (mayBeNegative || value >= 0))) return i;
  }
  return -1;
}

/** Weights by their names, also the packed integers of GPTQ and AWQ. */
const weight = /(^|[._])q?(weight|weights|bias)$/;

/**
 * Checks that a file's weights are not integers, which are the rest of weights without their scales.
 * @throws UserError that names file, tensor and type
 */
export function requireFloatWeights(file: string, tensors: ExternalTensors): void {
  for (const [name, tensor] of tensors) if (weight.test(name)) requireFloat(file, name, tensor);
}

/** @throws UserError for integers and booleans, with file, tensor and type */
export function requireFloat(file: string, name: string, { type }: Pick<ExternalTensor, 'type'>): void {
  if (isFloat(type)) return;
  const what = type.name === 'bool' ? 'bool' : `${type.name}, which is quantised`;
  throw new UserError(`${file} holds no usable weights: ${shown(name)} is ${what}; give the float weights.`, 1);
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
