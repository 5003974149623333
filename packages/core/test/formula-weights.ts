/**
 * Weights and inputs by the formula of the reference cases (fixtures/reference/models.json, `formula`), so that tests compare
 * whole networks with PyTorch's without files of weights.
 */
import type { NamedValues } from '../src/runtime/state';

// Local, because jest makes globals slow, and this computes tens of millions of numbers.
const { floor, imul, sqrt } = Math;

/** 32-bit FNV-1a of ASCII text. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** The formula's numbers in [0, 1) for a name, as a function of the flat index in PyTorch's layout. */
export function formulaNumbers(name: string, seed: number): (index: number) => number {
  const start = (fnv1a(name) ^ imul(seed, 0x9e3779b9)) | 0;
  return (index) => {
    let x = (start + imul(index, 0x85ebca6b)) | 0;
    x = imul(x ^ (x >>> 16), 0x7feb352d);
    x = imul(x ^ (x >>> 15), 0x846ca68b);
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** A variable of the reference in PyTorch's layout; `norm` marks a batch norm's. */
export function formulaWeight(name: string, shape: readonly number[], norm: boolean, seed: number): NamedValues {
  const u = formulaNumbers(name, seed);
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  const value = weightFormula(name, shape, norm);
  for (let i = 0; i < values.length; i++) values[i] = value(u(i));
  return { shape, values };
}

function weightFormula(name: string, [, ...rest]: readonly number[], norm: boolean): (u: number) => number {
  if (rest.length > 0) {
    const bound = sqrt(6 / rest.reduce((a, b) => a * b, 1));
    return (u) => (2 * u - 1) * bound;
  }
  if (name.endsWith('.bias') || name.endsWith('.running_mean')) return (u) => (u - 0.5) * 0.2;
  if (name.endsWith('.running_var')) return (u) => 0.5 + u;
  return norm ? (u) => 0.25 + 0.5 * u : (u) => 0.1 + 0.3 * u;
}

/** An input of the reference [n, c, h, w], rounded to four decimals. */
export function formulaInput(name: string, shape: readonly number[], scale: number, seed: number): NamedValues {
  const u = formulaNumbers(name, seed);
  const values = Float32Array.from(
    { length: shape.reduce((a, b) => a * b, 1) },
    (_, i) => floor((2 * u(i) - 1) * scale * 1e4 + 0.5) / 1e4,
  );
  return { shape, values };
}
