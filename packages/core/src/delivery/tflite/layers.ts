/** The operators of each kind of layer. */
import { type Binary, type Floats, type Layer, openSizes, type Shape, transposed } from '../graph';
import type { TfliteBuilder } from './builder';
import { options } from './schema';
import { padding, writeConvolution, writePool } from './windows';

type Write<L> = (layer: L, model: TfliteBuilder) => void;
type Kinds = { readonly [Kind in Layer['kind']]: Write<Extract<Layer, { kind: Kind }>> };

/** Adds the operators of a layer. */
export function writeLayer(layer: Layer, model: TfliteBuilder): void {
  if (model.fused.has(layer.output)) return;
  // Sound because the table has the writer of each kind under its name.
  (kinds[layer.kind] as Write<Layer>)(layer, model);
}

const reductions = { sum: 'sum', mean: 'mean', max: 'reduceMax' } as const;

const kinds: Kinds = {
  convolution: writeConvolution,

  pool: writePool,

  linear(layer, model) {
    const { output, x, weight, bias } = layer;
    const { activation, ...made } = model.withActivation(layer);
    const inputs = [model.get(x), model.weight(`${output}/weight`, transposed(weight), 0)];
    if (bias) inputs.push(model.floats(`${output}/bias`, bias));
    const version = model.weights === 'int8' ? 12 : bias ? 1 : 6;
    model.put('linear', inputs, made, { options: options.linear(activation), version });
  },

  affine(layer, model) {
    const { output, shape, x, scale, offset } = layer;
    const { activation, ...made } = model.withActivation(layer);
    const factor = [model.get(x), model.floats(`${output}/scale`, scale)];
    const scaled = { output: `${output}/scaled`, shape };
    const product = model.add('multiply', factor, scaled, { options: options.multiply('none') });
    const sum = [product, model.floats(`${output}/offset`, offset)];
    model.put('add', sum, made, { options: options.add(activation) });
  },

  prelu({ x, slope, ...made }, model) {
    const ones = model.shapeOf(x).length - 2;
    const shape = [...new Array<number>(ones).fill(1), slope.values.length];
    model.put('prelu', [model.get(x), model.floats(`${made.output}/slope`, { ...slope, shape })], made);
  },

  elementwise({ x, op, ...made }, model) {
    model.put(op, [model.get(x)], made);
  },

  softmax({ x, ...made }, model) {
    model.put('softmax', [model.get(x)], made, { options: options.softmax });
  },

  binary(layer, model) {
    const { output, op, a, b } = layer;
    const shapes = [a, b].map((one) => (typeof one === 'string' ? model.shapeOf(one) : one.shape));
    const operand = (one: string | Floats, which: string): number =>
      typeof one === 'string' ? model.get(one) : model.floats(`${output}/${which}`, one);
    const inputs = [operand(a, 'a'), operand(b, 'b')];
    const version = binaryVersion(op, shapes);
    if (op === 'maximum' || op === 'minimum') {
      model.put(op, inputs, layer, { options: options.maximumMinimum, version });
      return;
    }
    const { activation, ...made } = model.withActivation(layer);
    model.put(op, inputs, made, { options: options[op](activation), version });
  },

  reduce({ x, op, axes, keep, ...made }, model) {
    model.put(reductions[op], [model.get(x), model.integers(axes)], made, { options: options.reduce(keep) });
  },

  reshape({ x, ...made }, model) {
    const inputs = [model.get(x), model.integers(openSizes(made.shape))];
    model.put('reshape', inputs, made, { options: options.reshape });
  },

  transpose({ x, order, ...made }, model) {
    const version = order.length > 5 ? 6 : order.length > 4 ? 4 : 1;
    model.put('transpose', [model.get(x), model.integers(order)], made, { options: options.transpose, version });
  },

  concat({ xs, axis, ...made }, model) {
    model.put(
      'concat',
      xs.map((x) => model.get(x)),
      made,
      { options: options.concat(axis) },
    );
  },

  // Not Slice, whose interpreter refuses other numbers of pictures than the file's.
  slice({ x, axis, begin, end, ...made }, model) {
    const rank = made.shape.length;
    const along = (value: number) => model.integers(made.shape.map((_, i) => (i === axis ? value : 0)));
    const steps = model.integers(new Array<number>(rank).fill(1));
    const others = 2 ** rank - 1 - 2 ** axis;
    model.put('stridedSlice', [model.get(x), along(begin), along(end), steps], made, {
      options: options.stridedSlice(others, others),
      version: rank > 4 ? 4 : 1,
    });
  },

  pad({ x, pads, value, ...made }, model) {
    model.put(...padding(model, x, pads, value, made));
  },

  subsample({ x, stride, ...made }, model) {
    // The masks select all of each axis, so that begin and end only have to be there.
    const zeros = model.integers([0, 0, 0, 0]);
    const inputs = [model.get(x), zeros, zeros, model.integers([1, ...stride, 1])];
    model.put('stridedSlice', inputs, made, { options: options.stridedSlice(15, 15) });
  },

  reverse({ x, axis, ...made }, model) {
    model.put('reverse', [model.get(x), model.integers([axis])], made);
  },

  cast({ x, ...made }, model) {
    model.put('cast', [model.get(x)], made, { options: options.cast('uint8', 'float32') });
  },
};

/** Broadcasting of tensors of more than four axes came later. */
function binaryVersion(op: Binary['op'], shapes: readonly Shape[]): number {
  const rank = Math.max(...shapes.map(({ length }) => length));
  if (rank <= 4 || JSON.stringify(shapes[0]) === JSON.stringify(shapes[1])) return 1;
  return op === 'add' || op === 'multiply' ? 1 : op === 'divide' ? 2 : 3;
}
