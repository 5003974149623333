/**
 * A network in use as a small graph: some fifteen kinds of layer, for which every format has a counterpart. Maps are
 * [batch, height, width, channels] and filters [kh, kw, in / groups, out], as in TensorFlow; a writer that needs another
 * layout converts them (onnx/layout.ts). A value is named by the layer that makes it.
 */
import type { CallSite } from '../runtime/compile/call-site';

/** A size of a shape: a number, or a multiple of the number of images. */
export type Size = number | { readonly perImage: number };
export type Shape = readonly Size[];

export interface Floats {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Zeros, or another value, around a map. */
export type Pads = readonly [top: number, left: number, bottom: number, right: number];

interface Made {
  /** The name of the value that the layer makes. */
  readonly output: string;
  readonly shape: Shape;
  /** The line of code behind it, for errors. */
  readonly site?: CallSite | undefined;
}

interface Unary extends Made {
  readonly x: string;
}

interface Windowed extends Unary {
  /** Vertical, horizontal. */
  readonly stride: readonly [number, number];
  readonly pads: Pads;
}

/** As many groups as inputs: depthwise. */
export interface Convolution extends Windowed {
  readonly kind: 'convolution';
  /** [kh, kw, in / groups, out] */
  readonly filter: Floats;
  /** [out] */
  readonly bias?: Floats;
  readonly groups: number;
}

/** The padding never wins a maximum, and counts as zeros in an average. */
export interface Pool extends Windowed {
  readonly kind: 'pool';
  readonly op: 'max' | 'average';
  readonly kernel: readonly [number, number];
}

/** x [rows, in] times weight [in, out], plus bias [out]. */
export interface Linear extends Unary {
  readonly kind: 'linear';
  readonly weight: Floats;
  readonly bias?: Floats;
}

/** A batch norm that follows no convolution: scale [c] times x plus offset [c], along the last axis. */
export interface Affine extends Unary {
  readonly kind: 'affine';
  readonly scale: Floats;
  readonly offset: Floats;
}

/** x where positive, else slope [c] times x, along the last axis. */
export interface Prelu extends Unary {
  readonly kind: 'prelu';
  readonly slope: Floats;
}

export type ElementwiseOp = 'relu' | 'relu6' | 'sigmoid' | 'exp' | 'log' | 'sqrt' | 'rsqrt' | 'square' | 'neg' | 'abs';

export interface Elementwise extends Unary {
  readonly kind: 'elementwise';
  readonly op: ElementwiseOp;
}

/** Along the last axis of x [rows, classes]. */
export interface Softmax extends Unary {
  readonly kind: 'softmax';
}

export type BinaryOp = 'add' | 'subtract' | 'multiply' | 'divide' | 'maximum' | 'minimum';

/** With NumPy's broadcasting. An operand is a value or a constant, and one of them is a value. */
export interface Binary extends Made {
  readonly kind: 'binary';
  readonly op: BinaryOp;
  readonly a: string | Floats;
  readonly b: string | Floats;
}

export interface Reduce extends Unary {
  readonly kind: 'reduce';
  readonly op: 'sum' | 'mean' | 'max';
  readonly axes: readonly number[];
  readonly keep: boolean;
}

/** To `shape`, in which at most one size follows the batch. */
export interface Reshape extends Unary {
  readonly kind: 'reshape';
}

export interface Transpose extends Unary {
  readonly kind: 'transpose';
  readonly order: readonly number[];
}

export interface Concat extends Made {
  readonly kind: 'concat';
  readonly xs: readonly string[];
  readonly axis: number;
}

export interface Slice extends Unary {
  readonly kind: 'slice';
  /** Never that of the batch. */
  readonly axis: number;
  readonly begin: number;
  readonly end: number;
}

export interface Pad extends Unary {
  readonly kind: 'pad';
  readonly pads: Pads;
  readonly value: number;
}

/** Every n-th pixel of every m-th row, for a stride [m, n]. */
export interface Subsample extends Unary {
  readonly kind: 'subsample';
  readonly stride: readonly [number, number];
}

/** Turns an axis around: a mirror image, along axis 2 of a map. */
export interface Reverse extends Unary {
  readonly kind: 'reverse';
  readonly axis: number;
}

/** Bytes to float32; only the input is bytes. */
export interface Cast extends Unary {
  readonly kind: 'cast';
}

export type Layer =
  | Convolution
  | Pool
  | Linear
  | Affine
  | Prelu
  | Elementwise
  | Softmax
  | Binary
  | Reduce
  | Reshape
  | Transpose
  | Concat
  | Slice
  | Pad
  | Subsample
  | Reverse
  | Cast;

export interface GraphInput {
  readonly name: string;
  readonly dtype: 'uint8' | 'float32';
  /** [batch, height, width, 3] for bytes, [batch, 3, height, width] for the forms nchw. */
  readonly shape: Shape;
}

export interface Graph {
  readonly input: GraphInput;
  /** In the order of computation; each is needed by an output. */
  readonly layers: readonly Layer[];
  /** The names of the outputs, and the values that they are. */
  readonly outputs: ReadonlyMap<string, string>;
}

/** The values that a layer reads. */
export function inputsOf(layer: Layer): readonly string[] {
  if (layer.kind === 'concat') return layer.xs;
  if (layer.kind === 'binary') return [layer.a, layer.b].filter((one) => typeof one === 'string');
  return [layer.x];
}

/** The shapes of all values by name, the input's included. */
export function shapesOf({ input, layers }: Pick<Graph, 'input' | 'layers'>): ReadonlyMap<string, Shape> {
  return new Map([[input.name, input.shape], ...layers.map(({ output, shape }) => [output, shape] as const)]);
}

/** How often each value is read, by layers and as an output. */
export function usesOf({ layers, outputs }: Pick<Graph, 'layers' | 'outputs'>): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  for (const name of [...layers.flatMap(inputsOf), ...outputs.values()]) uses.set(name, (uses.get(name) ?? 0) + 1);
  return uses;
}

/** The layers that the values `wanted` depend on, in an order of computation. */
export function needed(layers: ReadonlyMap<string, Layer>, wanted: Iterable<string>): Layer[] {
  const done = new Set<string>();
  const ordered: Layer[] = [];
  // Not recursive: a network of 200 layers in a row would go as deep.
  const stack = [...wanted].toReversed();
  while (stack.length > 0) {
    const name = stack.at(-1) as string;
    const layer = layers.get(name);
    const missing = layer && !done.has(name) ? inputsOf(layer).filter((one) => !done.has(one) && layers.has(one)) : [];
    if (missing.length > 0) {
      stack.push(...missing.toReversed());
      continue;
    }
    stack.pop();
    if (layer && !done.has(name)) ordered.push(layer);
    done.add(name);
  }
  return ordered;
}

/** The sizes of a shape for a number of images. */
export const sizesFor = (shape: Shape, images: number): number[] =>
  shape.map((size) => (typeof size === 'number' ? size : size.perImage * images));

/** The sizes of a shape, with -1 for those that follow the batch. */
export const openSizes = (shape: Shape): number[] => shape.map((size) => (typeof size === 'number' ? size : -1));

/** [height, width] of a map. */
export const sidesOf = (shape: Shape): readonly [number, number] => [shape[1] as number, shape[2] as number];

export const sameShape = (a: Shape, b: Shape): boolean => JSON.stringify(a) === JSON.stringify(b);

export const isDepthwise = ({ groups, filter }: Convolution): boolean => groups > 1 && filter.shape[2] === 1;

/** [rows, columns] -> [columns, rows] */
export function transposed({ shape, values }: Floats): Floats {
  const [rows, columns] = shape as readonly [number, number];
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = values[row * columns + column] as number;
    }
  }
  return { shape: [columns, rows], values: turned };
}
