/** The declared inputs of a step, and the check of the values that it gets. */
import { type ImageSize, sides } from '../../system/image-size';
import type { Tensor } from '../tensorflow';

/** uint8 inputs reach the step as float32 values 0..255; the conversion happens inside the program. */
export interface InputSpec {
  readonly dtype: 'uint8' | 'int32' | 'float32';
  readonly shape: readonly number[];
}

/** A batch of images: [count, height, width, 3] bytes. */
export function imageInput(count: number, size: ImageSize) {
  const { height, width } = sides(size);
  return { dtype: 'uint8', shape: [count, height, width, 3] } as const;
}

export type InputSpecs = Readonly<Record<string, InputSpec>>;
export type StepInputs<I extends InputSpecs> = { readonly [K in keyof I]: Tensor };

interface ArrayOf {
  readonly uint8: Uint8Array;
  readonly int32: Int32Array;
  readonly float32: Float32Array;
}

type InputValue<S extends InputSpec> = ArrayOf[S['dtype']] | (S['shape'] extends readonly [] ? number : never);
export type InputValues<I extends InputSpecs> = { readonly [K in keyof I]: InputValue<I[K]> };

export type FedValue = Uint8Array | Int32Array | Float32Array;

const arrayOf = { uint8: 'Uint8Array', int32: 'Int32Array', float32: 'Float32Array' } as const;

// Not instanceof: a Buffer counts as a Uint8Array, and under jest arrays may come from another realm.
const kindOf = (value: unknown): string => Object.prototype.toString.call(value).slice('[object '.length, -1);

/**
 * The values of a call in the order of the declared inputs. Numbers become arrays of one; arrays are not copied.
 * @throws Error when an input is missing or unknown, or its type or size differs from its declaration
 */
export function feed(
  step: string,
  specs: InputSpecs,
  values: Readonly<Record<string, FedValue | number>>,
): readonly FedValue[] {
  const unknown = Object.keys(values).find((key) => !Object.hasOwn(specs, key));
  if (unknown !== undefined) {
    throw new Error(`${step} has no input ${unknown}; its inputs are ${Object.keys(specs).join(', ') || 'none'}.`);
  }
  return Object.entries(specs).map(([key, spec]) => {
    const value = values[key];
    if (value === undefined) throw new Error(`${step} needs the input ${key}.`);
    const array = typeof value === 'number' ? scalar(spec, value) : value;
    const size = spec.shape.reduce((a, b) => a * b, 1);
    const kind = arrayOf[spec.dtype];
    if (array.length !== size || kindOf(array) !== kind) {
      throw new Error(
        `${step}: the input ${key} must be a ${kind} of ${size} values ([${spec.shape}]), got ${kindOf(array)} of ${array.length}.`,
      );
    }
    return array;
  });
}

function scalar({ dtype }: InputSpec, value: number): FedValue {
  if (dtype === 'float32') return Float32Array.of(value);
  return dtype === 'int32' ? Int32Array.of(value) : Uint8Array.of(value);
}
