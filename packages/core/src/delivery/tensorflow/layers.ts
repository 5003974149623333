/** The operations of each kind of layer. */
import { attr } from '../../runtime/binding';
import type { BinaryOp, ElementwiseOp, Floats, Layer, Reduce } from '../graph';
import { floatType, type TensorFlowBuilder } from './builder';
import { addBias, writeConvolution } from './convolution';

type Write<L> = (layer: L, model: TensorFlowBuilder) => void;
type Kinds = { readonly [Kind in Layer['kind']]: Write<Extract<Layer, { kind: Kind }>> };

/** Adds the operations of a layer. */
export function writeLayer(layer: Layer, model: TensorFlowBuilder): void {
  if (model.fused.has(layer.output)) return;
  // Sound because the table has the writer of each kind under its name.
  (kinds[layer.kind] as Write<Layer>)(layer, model);
}

const elementwiseNames: Readonly<Record<ElementwiseOp, string>> = {
  relu: 'Relu',
  relu6: 'Relu6',
  sigmoid: 'Sigmoid',
  exp: 'Exp',
  log: 'Log',
  sqrt: 'Sqrt',
  rsqrt: 'Rsqrt',
  square: 'Square',
  neg: 'Neg',
  abs: 'Abs',
};

const binaryNames: Readonly<Record<BinaryOp, string>> = {
  add: 'AddV2',
  subtract: 'Sub',
  multiply: 'Mul',
  divide: 'RealDiv',
  maximum: 'Maximum',
  minimum: 'Minimum',
};

const reduceNames: Readonly<Record<Reduce['op'], string>> = { sum: 'Sum', mean: 'Mean', max: 'Max' };

const index = attr.type('Index', 'int32');

const kinds: Kinds = {
  convolution: writeConvolution,

  pool({ output, x, op, kernel, stride, pads }, model) {
    const name = model.node(output);
    const isPadded = pads.some((size) => size > 0);
    const filler = op === 'max' ? Number.NEGATIVE_INFINITY : 0;
    const input = isPadded ? model.pad(`${name}/padded`, model.node(x), pads, filler) : model.node(x);
    model.add(op === 'max' ? 'MaxPool' : 'AvgPool', [input], name, [
      floatType,
      attr.ints('ksize', [1, ...kernel, 1]),
      attr.ints('strides', [1, ...stride, 1]),
      attr.string('padding', 'VALID'),
      attr.string('data_format', 'NHWC'),
    ]);
  },

  linear({ output, x, weight, bias }, model) {
    const name = model.node(output);
    const inputs = [model.node(x), model.weight(`${name}/weight`, weight)];
    const attrs = [floatType, attr.bool('transpose_a', false), attr.bool('transpose_b', false)];
    const product = model.add('MatMul', inputs, bias ? `${name}/product` : name, attrs);
    if (bias) addBias(model, product, model.floats(`${name}/bias`, bias), name);
  },

  affine({ output, x, scale, offset }, model) {
    const name = model.node(output);
    const scaled = model.add('Mul', [model.node(x), model.floats(`${name}/scale`, scale)], `${name}/scaled`);
    model.add('AddV2', [scaled, model.floats(`${name}/offset`, offset)], name);
  },

  prelu({ output, x, slope }, model) {
    const name = model.node(output);
    const input = model.node(x);
    const slopes = model.floats(`${name}/slope`, slope);
    if (model.dialect === 'tfjs') {
      model.add('Prelu', [input, slopes], name);
      return;
    }
    const positive = model.add('Relu', [input], `${name}/positive`);
    const negative = model.add('Sub', [input, positive], `${name}/negative`);
    model.add('AddV2', [positive, model.add('Mul', [slopes, negative], `${name}/sloped`)], name);
  },

  elementwise({ output, x, op }, model) {
    model.add(elementwiseNames[op], [model.node(x)], model.node(output));
  },

  softmax({ output, x }, model) {
    model.add('Softmax', [model.node(x)], model.node(output));
  },

  binary({ output, op, a, b }, model) {
    const name = model.node(output);
    const operand = (one: string | Floats, which: string) =>
      typeof one === 'string' ? model.node(one) : model.floats(`${name}/${which}`, one);
    model.add(binaryNames[op], [operand(a, 'a'), operand(b, 'b')], name);
  },

  reduce({ output, x, op, axes, keep }, model) {
    const attrs = [floatType, attr.type('Tidx', 'int32'), attr.bool('keep_dims', keep)];
    model.add(reduceNames[op], [model.node(x), model.integers(axes)], model.node(output), attrs);
  },

  reshape({ output, shape, x }, model) {
    const attrs = [floatType, attr.type('Tshape', 'int32')];
    model.add('Reshape', [model.node(x), model.sizes(shape)], model.node(output), attrs);
  },

  transpose({ output, x, order }, model) {
    const attrs = [floatType, attr.type('Tperm', 'int32')];
    model.add('Transpose', [model.node(x), model.integers(order)], model.node(output), attrs);
  },

  concat({ output, xs, axis }, model) {
    const attrs = [attr.int('N', xs.length), floatType, attr.type('Tidx', 'int32')];
    const inputs = [...xs.map((x) => model.node(x)), model.integers([axis], [])];
    model.add('ConcatV2', inputs, model.node(output), attrs);
  },

  slice({ output, x, shape, axis, begin, end }, model) {
    const along = (value: number, other: number) => shape.map((_, i) => (i === axis ? value : other));
    const corners = [model.integers(along(begin, 0)), model.integers(along(end - begin, -1))];
    model.add('Slice', [model.node(x), ...corners], model.node(output), [floatType, index]);
  },

  pad({ output, x, pads, value }, model) {
    model.pad(model.node(output), model.node(x), pads, value);
  },

  subsample({ output, x, stride }, model) {
    // The masks select all of each axis, so that begin and end only have to be there.
    const masks = { begin_mask: 15, end_mask: 15, ellipsis_mask: 0, new_axis_mask: 0, shrink_axis_mask: 0 };
    const zeros = model.integers([0, 0, 0, 0]);
    const inputs = [model.node(x), zeros, zeros, model.integers([1, ...stride, 1])];
    const attrs = Object.entries(masks).map(([name, value]) => attr.int(name, value));
    model.add('StridedSlice', inputs, model.node(output), [floatType, index, ...attrs]);
  },

  reverse({ output, x, axis }, model) {
    const attrs = [floatType, attr.type('Tidx', 'int32')];
    model.add('ReverseV2', [model.node(x), model.integers([axis])], model.node(output), attrs);
  },

  cast({ output, x }, model) {
    const from = model.dialect === 'tfjs' ? 'int32' : 'uint8';
    const attrs = [attr.type('SrcT', from), attr.type('DstT', 'float32')];
    model.add('Cast', [model.node(x)], model.node(output), attrs);
  },
};
