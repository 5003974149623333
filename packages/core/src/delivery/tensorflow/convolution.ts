/** Convolutions in TensorFlow's operations. */
import { type Attr, AttrKind, attr } from '../../runtime/binding';
import { type Convolution, isDepthwise, type Layer, sidesOf } from '../graph';
import { floatType, type TensorFlowBuilder } from './builder';

type Padding = 'SAME' | 'VALID';

export function writeConvolution(layer: Convolution, model: TensorFlowBuilder): void {
  const output = model.node(layer.output);
  const named = namedPadding(layer, model);
  const x = named ? model.node(layer.x) : model.pad(`${output}/padded`, model.node(layer.x), layer.pads, 0);
  const padding = named ?? 'VALID';
  if (layer.groups > 1 && !isDepthwise(layer)) {
    inGroups(layer, x, padding, model);
    return;
  }
  const op = isDepthwise(layer) ? 'DepthwiseConv2dNative' : 'Conv2D';
  const filter = model.weight(`${output}/filter`, filterOf(layer), isDepthwise(layer) ? 2 : 1);
  const attrs = convolutionAttrs(layer, padding);
  if (!layer.bias) {
    model.add(op, [x, filter], output, attrs);
    return;
  }
  const bias = model.floats(`${output}/bias`, layer.bias);
  if (model.dialect === 'tensorflow') {
    addBias(model, model.add(op, [x, filter], `${output}/product`, attrs), bias, output);
    return;
  }
  const activation = activationAfter(layer, model);
  const slope = activation?.kind === 'prelu' ? [model.floats(`${output}/slope`, activation.slope)] : [];
  const name = activation ? model.node(activation.output) : output;
  const steps = ['BiasAdd', ...(activation ? [activation.kind === 'prelu' ? 'Prelu' : names[activation.op]] : [])];
  model.add(isDepthwise(layer) ? 'FusedDepthwiseConv2dNative' : '_FusedConv2D', [x, filter, bias, ...slope], name, [
    ...attrs,
    { name: 'fused_ops', type: AttrKind.string, value: steps },
    attr.int('num_args', 1 + slope.length),
    attr.float('epsilon', 0),
  ]);
  if (activation) model.fused.add(activation.output);
}

/** x plus a bias along the last axis. */
export const addBias = (model: TensorFlowBuilder, x: string, bias: string, name: string): string =>
  model.add('BiasAdd', [x, bias], name, [floatType, attr.string('data_format', 'NHWC')]);

const names = { relu: 'Relu', relu6: 'Relu6' } as const;

type Activation =
  | Extract<Layer, { kind: 'prelu' }>
  | (Extract<Layer, { kind: 'elementwise' }> & { op: keyof typeof names });

/** The activation that TensorFlow.js computes with a convolution. */
function activationAfter({ output }: Convolution, model: TensorFlowBuilder): Activation | undefined {
  const next = model.onlyReader(output);
  const isActivation = next?.kind === 'prelu' || (next?.kind === 'elementwise' && next.op in names);
  return isActivation ? (next as Activation) : undefined;
}

/** Depthwise: [kh, kw, channels, times] */
function filterOf(layer: Convolution) {
  const { filter, groups } = layer;
  if (!isDepthwise(layer)) return filter;
  const [kh, kw, , outputs] = filter.shape as readonly [number, number, number, number];
  return { shape: [kh, kw, groups, outputs / groups], values: filter.values };
}

/** TensorFlow on the CPU and TensorFlow.js have no convolution in groups: each group is a convolution. */
function inGroups(layer: Convolution, x: string, padding: Padding, model: TensorFlowBuilder): void {
  const { groups, filter, bias } = layer;
  const output = model.node(layer.output);
  const [kh, kw, each, outputs] = filter.shape as readonly [number, number, number, number];
  const out = outputs / groups;
  const parts = Array.from({ length: groups }, (_, group) => {
    const values = new Float32Array(kh * kw * each * out);
    for (let row = 0; row < kh * kw * each; row++) {
      values.set(filter.values.subarray(row * outputs + group * out, row * outputs + (group + 1) * out), row * out);
    }
    const corners = [model.integers([0, 0, 0, group * each]), model.integers([-1, -1, -1, each])];
    const part = model.add('Slice', [x, ...corners], `${output}/in_${group}`, [floatType, attr.type('Index', 'int32')]);
    const weights = model.weight(`${output}/filter_${group}`, { shape: [kh, kw, each, out], values });
    return model.add('Conv2D', [part, weights], `${output}/out_${group}`, convolutionAttrs(layer, padding));
  });
  const joined = model.add('ConcatV2', [...parts, model.integers([3], [])], bias ? `${output}/product` : output, [
    attr.int('N', groups),
    floatType,
    attr.type('Tidx', 'int32'),
  ]);
  if (bias) addBias(model, joined, model.floats(`${output}/bias`, bias), output);
}

/**
 * TensorFlow's name for a convolution's padding; undefined where it has none. Never EXPLICIT: TensorFlow 2.21 ends the process
 * over a depthwise convolution of that padding whose batch is open, and TensorFlow.js knows it for few.
 */
function namedPadding({ pads, stride, filter, shape, x }: Convolution, model: TensorFlowBuilder): Padding | undefined {
  if (pads.every((size) => size === 0)) return 'VALID';
  const [sizes, outputs] = [sidesOf(model.shapeOf(x)), sidesOf(shape)];
  const isSame = ([0, 1] as const).every((i) => {
    const [size, output] = [sizes[i], outputs[i]];
    const total = Math.max(0, (output - 1) * stride[i] + (filter.shape[i] as number) - size);
    const isHalf = pads[i] === Math.floor(total / 2) && pads[i + 2] === Math.ceil(total / 2);
    return output === Math.ceil(size / stride[i]) && isHalf;
  });
  return isSame ? 'SAME' : undefined;
}

const convolutionAttrs = ({ stride }: Convolution, padding: Padding): Attr[] => [
  floatType,
  attr.ints('strides', [1, ...stride, 1]),
  attr.string('padding', padding),
  attr.ints('explicit_paddings', []),
  attr.string('data_format', 'NHWC'),
  attr.ints('dilations', [1, 1, 1, 1]),
];
