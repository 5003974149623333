import type { Initialiser } from './scope';

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function filled(length: number, draw: () => number): Float32Array {
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = draw();
  return values;
}

export const constant =
  (value: number): Initialiser =>
  (shape) =>
    new Float32Array(count(shape)).fill(value);

export const zeros = constant(0);
export const ones = constant(1);

/** Normal with this standard deviation. */
export const normal =
  (deviation: number): Initialiser =>
  (shape, random) =>
    filled(count(shape), () => deviation * random.normal());

/** Uniform in [-bound, bound). */
export const uniform =
  (bound: number): Initialiser =>
  (shape, random) =>
    filled(count(shape), () => random.uniform(-bound, bound));

/**
 * He et al.'s normal distribution for convolutions [kh, kw, in / groups, out], with deviation sqrt(2 / (kh kw out)): PyTorch's
 * `kaiming_normal_(mode='fan_out', nonlinearity='relu')`, which does not divide by the groups either.
 */
export const kaimingFanOut: Initialiser = (shape, random) => {
  const [height = 1, width = 1, , outputs = 1] = shape;
  return normal(Math.sqrt(2 / (height * width * outputs)))(shape, random);
};

/** PyTorch's default for convolutions [kh, kw, in / groups, out]: uniform within 1 / sqrt(kh kw in / groups). */
export const convolutionDefault: Initialiser = (shape, random) =>
  uniform(1 / Math.sqrt(count(shape.slice(0, 3))))(shape, random);

/** PyTorch's default for linear layers [in, out] and their biases: uniform within 1 / sqrt(inputs). */
export const linearDefault = (inputs: number): Initialiser => uniform(1 / Math.sqrt(inputs));
