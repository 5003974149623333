/** The nodes of each kind of layer. */
import {
  type Binary,
  type Convolution,
  type ElementwiseOp,
  type Floats,
  type Layer,
  openSizes,
  type Pool,
  sidesOf,
} from '../graph';
import { type Layout, type OnnxBuilder, toChannelsFirst, toChannelsLast } from './builder';
import { getInBytes } from './store-activation';
import { storeWeight } from './store-weight';

type Write<L> = (layer: L, model: OnnxBuilder) => void;
type Kinds = { readonly [Kind in Layer['kind']]: Write<Extract<Layer, { kind: Kind }>> };

const binaryNames: Readonly<Record<Binary['op'], string>> = {
  add: 'Add',
  subtract: 'Sub',
  multiply: 'Mul',
  divide: 'Div',
  maximum: 'Max',
  minimum: 'Min',
};

/** Adds the nodes of a layer. */
export function writeLayer(layer: Layer, model: OnnxBuilder): void {
  // Sound because the table has the writer of each kind under its name.
  (kinds[layer.kind] as Write<Layer>)(layer, model);
}

const kinds: Kinds = {
  convolution(layer, model) {
    const { output, x, filter, bias, stride, pads, groups } = layer;
    const [kh, kw] = filter.shape as readonly [number, number];
    const inputs = [
      getInBytes(model, x, 'nchw'),
      storeWeight(model, `${output}_weight`, outputsFirst(layer), 0),
      ...(bias ? [model.floats(`${output}_bias`, bias)] : []),
    ];
    const attributes = { kernel_shape: [kh, kw], strides: stride, pads, group: groups, dilations: [1, 1] };
    model.made(output, model.add('Conv', inputs, output, attributes), 'nchw');
  },

  pool(layer, model) {
    const { output, x, op, kernel, stride, pads } = layer;
    const name = op === 'max' ? 'MaxPool' : 'AveragePool';
    const input = model.get(x, 'nchw');
    if (isGlobal(layer, model)) {
      model.made(output, model.add(`Global${name}`, [input], output), 'nchw');
      return;
    }
    const window = { kernel_shape: kernel, strides: stride, pads };
    const attributes = op === 'max' ? window : { ...window, count_include_pad: 1 };
    model.made(output, model.add(name, [input], output, attributes), 'nchw');
  },

  linear({ output, x, weight, bias }, model) {
    const inputs = [getInBytes(model, x), storeWeight(model, `${output}_weight`, weight, 1)];
    if (bias) model.made(output, model.add('Gemm', [...inputs, model.floats(`${output}_bias`, bias)], output));
    else model.made(output, model.add('MatMul', inputs, output));
  },

  affine({ output, x, scale, offset }, model) {
    const { shape } = scale;
    const layout = model.isMap(x) ? 'nchw' : 'nhwc';
    const input = model.get(x, layout);
    if (isTurnedProduct(input, model)) {
      const vector = (which: string, floats: Floats) =>
        model.floats(`${output}_${which}`, layout === 'nchw' ? channelsFirst(floats) : floats);
      const scaled = model.add('Mul', [input, vector('scale', scale)], `${output}_scaled`);
      model.made(output, model.add('Add', [scaled, vector('offset', offset)], output), layout);
      return;
    }
    const constant = (name: string, value: number) =>
      model.floats(`${output}_${name}`, { shape, values: new Float32Array(scale.values.length).fill(value) });
    const inputs = [
      input,
      model.floats(`${output}_scale`, scale),
      model.floats(`${output}_offset`, offset),
      constant('mean', 0),
      constant('variance', 1),
    ];
    const made = model.add('BatchNormalization', inputs, output, { epsilon: { float: 0 } });
    model.made(output, made, layout);
  },

  prelu({ output, x, slope }, model) {
    const layout = model.isMap(x) ? 'nchw' : 'nhwc';
    const shape = model.isMap(x) ? [slope.values.length, 1, 1] : slope.shape;
    const stored = model.floats(`${output}_slope`, { shape, values: slope.values });
    model.made(output, model.add('PRelu', [model.get(x, layout), stored], output), layout);
  },

  elementwise({ output, x, op }, model) {
    const layout = model.layoutOf(x);
    model.made(output, elementwise(op, model.get(x, layout), output, model), layout);
  },

  softmax({ output, x }, model) {
    model.made(output, model.add('Softmax', [model.get(x)], output, { axis: -1 }));
  },

  binary({ output, shape, op, a, b }, model) {
    const values = [a, b].filter((one) => typeof one === 'string');
    const layout: Layout = shape.length === 4 && values.some((one) => model.layoutOf(one) === 'nchw') ? 'nchw' : 'nhwc';
    const operand = (one: string | Floats, which: string): string => {
      if (typeof one !== 'string') {
        return model.floats(`${output}_${which}`, layout === 'nchw' ? channelsFirst(one) : one);
      }
      if (layout === 'nhwc' || model.isMap(one)) return model.get(one, layout);
      throw new Error(`${output}: the value ${one} beside a map is no map.`);
    };
    model.made(output, model.add(binaryNames[op], [operand(a, 'a'), operand(b, 'b')], output), layout);
  },

  reduce({ output, x, op, axes, keep }, model) {
    const keepdims = keep ? 1 : 0;
    const input = model.get(x);
    if (op === 'sum') {
      const inputs = [input, model.integers(`${output}_axes`, axes)];
      model.made(output, model.add('ReduceSum', inputs, output, { keepdims }));
    } else {
      model.made(output, model.add(op === 'mean' ? 'ReduceMean' : 'ReduceMax', [input], output, { axes, keepdims }));
    }
  },

  reshape({ output, shape, x }, model) {
    // A map of one pixel lies alike in both layouts.
    const isPixel = (sizes: readonly unknown[]) => sizes.length === 4 && sizes[1] === 1 && sizes[2] === 1;
    const input = isPixel(model.shapeOf(x)) ? model.get(x, model.layoutOf(x)) : model.get(x);
    const [batch, ...rest] = openSizes(shape) as [number, ...number[]];
    const layout = isPixel(shape) ? 'nchw' : 'nhwc';
    const sizes = isPixel(shape) ? [batch, rest[2] as number, 1, 1] : [batch, ...rest];
    model.made(output, model.add('Reshape', [input, model.integers(`${output}_shape`, sizes)], output), layout);
  },

  transpose({ output, x, order }, model) {
    const is = (other: readonly number[]) => order.join() === other.join();
    // Where the values lie in that order already, there is nothing to do.
    if (is(toChannelsFirst) && model.layoutOf(x) === 'nchw') model.made(output, model.get(x, 'nchw'));
    else if (is(toChannelsLast)) model.made(output, model.get(x), 'nchw');
    else model.made(output, model.add('Transpose', [model.get(x)], output, { perm: order }));
  },

  concat({ output, xs, axis }, model) {
    const isMap = xs.every((x) => model.isMap(x)) && xs.some((x) => model.layoutOf(x) === 'nchw');
    const layout = isMap ? 'nchw' : 'nhwc';
    const inputs = xs.map((x) => model.get(x, layout));
    model.made(output, model.add('Concat', inputs, output, { axis: axisIn(layout, axis) }), layout);
  },

  slice({ output, x, axis, begin, end }, model) {
    const layout = model.layoutOf(x);
    slice(model, output, x, layout, { axes: [axisIn(layout, axis)], begins: [begin], ends: [end], steps: [1] });
  },

  pad({ output, x, pads: [top, left, bottom, right], value }, model) {
    const inputs = [
      model.get(x, 'nchw'),
      model.integers(`${output}_pads`, [0, 0, top, left, 0, 0, bottom, right]),
      model.scalar(`${output}_value`, value),
    ];
    model.made(output, model.add('Pad', inputs, output), 'nchw');
  },

  subsample({ output, x, stride }, model) {
    const ends = sidesOf(model.shapeOf(x));
    slice(model, output, x, 'nchw', { axes: [2, 3], begins: [0, 0], ends, steps: stride });
  },

  reverse({ output, x, axis }, model) {
    const layout = model.layoutOf(x);
    // From the last one to before the first one, which ONNX writes as far below zero.
    const backwards = { axes: [axisIn(layout, axis)], begins: [-1], ends: [-(2 ** 31)], steps: [-1] };
    slice(model, output, x, layout, backwards);
  },

  cast({ output, x }, model) {
    // Bytes are turned before they are converted, as they are a quarter of the floats.
    const layout = model.isMap(x) ? 'nchw' : 'nhwc';
    model.made(output, model.add('Cast', [model.get(x, layout)], output, { to: 1 }), layout);
  },
};

interface Cuts {
  readonly axes: readonly number[];
  readonly begins: readonly number[];
  readonly ends: readonly number[];
  readonly steps: readonly number[];
}

function slice(
  model: OnnxBuilder,
  output: string,
  x: string,
  layout: Layout,
  { axes, begins, ends, steps }: Cuts,
): void {
  const numbers = Object.entries({ begins, ends, axes, steps });
  const inputs = [
    model.get(x, layout),
    ...numbers.map(([name, values]) => model.integers(`${output}_${name}`, values)),
  ];
  model.made(output, model.add('Slice', inputs, output), layout);
}

function elementwise(op: ElementwiseOp, x: string, output: string, model: OnnxBuilder): string {
  if (op === 'relu6') return model.add('Clip', [x, model.scalar('zero', 0), model.scalar('six', 6)], output);
  if (op === 'square') return model.add('Mul', [x, x], output);
  if (op === 'rsqrt') return model.add('Reciprocal', [model.add('Sqrt', [x], `${output}_root`)], output);
  const names = { relu: 'Relu', sigmoid: 'Sigmoid', exp: 'Exp', log: 'Log', sqrt: 'Sqrt', neg: 'Neg', abs: 'Abs' };
  return model.add(names[op], [x], output);
}

/**
 * Whether a value is a matrix product that was transposed or reshaped. onnxruntime up to 1.30 folds a BatchNormalization
 * after it into the product's columns, which need not be the channels (its MatmulBNFusion).
 */
function isTurnedProduct(value: string, { nodes }: OnnxBuilder): boolean {
  const maker = (name: string | undefined) => nodes.find(({ outputs }) => outputs[0] === name);
  const last = maker(value);
  let node = last;
  while (node?.op === 'Transpose' || node?.op === 'Reshape') node = maker(node.inputs[0]);
  return node?.op === 'MatMul' && node !== last;
}

/** An axis of [batch, h, w, c] in a layout. */
const axisIn = (layout: Layout, axis: number): number => (layout === 'nchw' ? toChannelsFirst.indexOf(axis) : axis);

function isGlobal({ x, kernel, pads }: Pool, model: OnnxBuilder): boolean {
  const [height, width] = sidesOf(model.shapeOf(x));
  return kernel[0] === height && kernel[1] === width && pads.every((size) => size === 0);
}

/** [kh, kw, in, out] -> [out, in, kh, kw] */
function outputsFirst({ filter: { shape, values } }: Convolution): Floats {
  const [kh, kw, inputs, outputs] = shape as readonly [number, number, number, number];
  const turned = new Float32Array(values.length);
  const area = kh * kw;
  for (let place = 0; place < area; place++) {
    for (let input = 0; input < inputs; input++) {
      const from = (place * inputs + input) * outputs;
      for (let output = 0; output < outputs; output++) {
        turned[(output * inputs + input) * area + place] = values[from + output] as number;
      }
    }
  }
  return { shape: [outputs, inputs, kh, kw], values: turned };
}

/** A constant that is broadcast over maps [batch, h, w, c], for maps [batch, c, h, w]. */
function channelsFirst({ shape, values }: Floats): Floats {
  if (values.length === 1) return { shape: [], values };
  const [batch, height, width, channels] = [...new Array(4 - shape.length).fill(1), ...shape] as readonly number[] as [
    number,
    number,
    number,
    number,
  ];
  const area = height * width;
  const turned = new Float32Array(values.length);
  for (let image = 0; image < batch; image++) {
    for (let place = 0; place < area; place++) {
      for (let channel = 0; channel < channels; channel++) {
        turned[(image * channels + channel) * area + place] = values[
          (image * area + place) * channels + channel
        ] as number;
      }
    }
  }
  return { shape: [batch, channels, height, width], values: turned };
}
