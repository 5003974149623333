/** The numbers that LiteRT's schema.fbs (version 3) gives to what a network in use has. */

export const schemaVersion = 3;

/** enum BuiltinOperator */
export const operatorCodes = {
  add: 0,
  averagePool: 1,
  concat: 2,
  convolution: 3,
  depthwise: 4,
  dequantize: 6,
  linear: 9,
  sigmoid: 14,
  maxPool: 17,
  multiply: 18,
  relu: 19,
  relu6: 21,
  reshape: 22,
  softmax: 25,
  pad: 34,
  transpose: 39,
  mean: 40,
  subtract: 41,
  divide: 42,
  stridedSlice: 45,
  exp: 47,
  cast: 53,
  prelu: 54,
  maximum: 55,
  minimum: 57,
  neg: 59,
  padWith: 60,
  log: 73,
  sum: 74,
  sqrt: 75,
  rsqrt: 76,
  reduceMax: 82,
  square: 92,
  abs: 101,
  reverse: 105,
} as const;
export type OperatorName = keyof typeof operatorCodes;

/** enum TensorType */
export const tensorTypes = { float32: 0, float16: 1, int32: 2, uint8: 3, int8: 9 } as const;
export type TensorType = keyof typeof tensorTypes;

/** enum Padding. same: TensorFlow's, half of it (rounded down) before and the rest behind. */
export const paddings = { same: 0, valid: 1 } as const;

/** enum ActivationFunctionType: what some operators do to their result. */
export const activations = { none: 0, relu: 1, relu6: 3 } as const;
export type Activation = keyof typeof activations;

/** A field of a table: its slot, its value, and the type in which it is written. */
export type Field = readonly [slot: number, type: 'int8' | 'int32' | 'float32', value: number];

/** An operator's options: the member of union BuiltinOptions, and its fields. */
export interface Options {
  readonly member: number;
  readonly fields: readonly Field[];
}

interface Window {
  readonly padding: keyof typeof paddings;
  readonly stride: readonly [vertical: number, horizontal: number];
}

const fused = (slot: number, activation: Activation): Field => [slot, 'int8', activations[activation]];
const steps = (first: number, [vertical, horizontal]: readonly [number, number]): readonly Field[] => [
  [first, 'int32', horizontal],
  [first + 1, 'int32', vertical],
];
const windowFields = ({ padding, stride }: Window): readonly Field[] => [
  [0, 'int8', paddings[padding]],
  ...steps(1, stride),
];

/** The tables of union BuiltinOptions. All their fields are written: some have other defaults than 0. */
export const options = {
  convolution: (window: Window, activation: Activation): Options => ({
    member: 1,
    fields: [...windowFields(window), fused(3, activation), ...steps(4, [1, 1])],
  }),
  depthwise: (window: Window, perChannel: number, activation: Activation): Options => ({
    member: 2,
    fields: [...windowFields(window), [3, 'int32', perChannel], fused(4, activation), ...steps(5, [1, 1])],
  }),
  pool: (window: Window, kernel: readonly [number, number]): Options => ({
    member: 5,
    fields: [...windowFields(window), ...steps(3, kernel)],
  }),
  linear: (activation: Activation): Options => ({ member: 8, fields: [fused(0, activation)] }),
  softmax: { member: 9, fields: [[0, 'float32', 1]] } satisfies Options,
  concat: (axis: number): Options => ({ member: 10, fields: [[0, 'int32', axis]] }),
  add: (activation: Activation): Options => ({ member: 11, fields: [fused(0, activation)] }),
  multiply: (activation: Activation): Options => ({ member: 21, fields: [fused(0, activation)] }),
  subtract: (activation: Activation): Options => ({ member: 28, fields: [fused(0, activation)] }),
  divide: (activation: Activation): Options => ({ member: 29, fields: [fused(0, activation)] }),
  reduce: (keep: boolean): Options => ({ member: 27, fields: [[0, 'int8', keep ? 1 : 0]] }),
  /** Each bit of a mask says that an axis is taken from its beginning, or to its end. */
  stridedSlice: (beginMask: number, endMask: number): Options => ({
    member: 32,
    fields: [
      [0, 'int32', beginMask],
      [1, 'int32', endMask],
    ],
  }),
  cast: (from: TensorType, to: TensorType): Options => ({
    member: 37,
    fields: [
      [0, 'int8', tensorTypes[from]],
      [1, 'int8', tensorTypes[to]],
    ],
  }),
  reshape: { member: 17, fields: [] },
  pad: { member: 22, fields: [] },
  transpose: { member: 26, fields: [] },
  dequantize: { member: 38, fields: [] },
  maximumMinimum: { member: 39, fields: [] },
  padWith: { member: 43, fields: [] },
} as const;
