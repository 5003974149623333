import { type ImageSize, imageSize, sides } from '../../system/image-size';
import { UserError } from '../../system/user-error';
import { type Refuse, shown } from '../refusal';
import { Constant } from './constant';
import { constantOperators } from './constant-operators';
import { activation, activations, arithmetic, clip } from './elementwise';
import type { Layer } from './layer';
import * as layers from './layer';
import type { OnnxGraph, OnnxInput, OnnxNode } from './model';
import { inOrder } from './node-order';
import { type Computed, isConstant, NodeReader, type Value } from './node-reader';
import * as rearrange from './rearrange';
import * as windows from './windows';

export interface GraphLayers {
  /** By the names of the outputs. */
  readonly outputs: ReadonlyMap<string, Layer<Constant>>;
  readonly input: ImageInput;
}

/** The images that a graph takes. */
export interface ImageInput {
  readonly name: string;
  /** onnx.proto's TensorProto.DataType. */
  readonly type: number;
  /** The number of images that the graph is read with: its own, or 2 where any number fits. */
  readonly batch: number;
  readonly size: ImageSize;
  /** Whether it takes images of that size alone. */
  readonly isFixed: boolean;
  /** [batch, height, width, colours] */
  readonly channelsLast: boolean;
}

const float = 1;
const floats = [float, 10, 11, 16];

/** Whether an operator's numbers are quantised. */
const quantised =
  /^(Q(Linear|uant|Gemm|Attention|Moe|MoE)|Dequantize|DynamicQuantize|MatMulNBits|.*Integer(ToFloat)?$)/;

/** Operators on what is computed of the images. */
const operators: Readonly<Record<string, (reader: NodeReader) => Computed | Constant>> = {
  Identity: (reader) => reader.computed(),
  Dropout: dropout,
  Cast: cast,
  Conv: windows.convolution,
  FusedConv: fusedConvolution,
  MaxPool: windows.pool,
  AveragePool: windows.pool,
  GlobalAveragePool: rearrange.globalPool,
  Pad: windows.pad,
  Gemm: windows.linear,
  MatMul: windows.linear,
  BatchNormalization: windows.batchNorm,
  PRelu: windows.prelu,
  Clip: clip,
  ...Object.fromEntries(Object.keys(activations).map((op) => [op, activation])),
  ...Object.fromEntries(['Add', 'Sub', 'Mul', 'Div', 'Sum', 'Min', 'Max'].map((op) => [op, arithmetic])),
  Reshape: rearrange.reshape,
  Flatten: rearrange.flatten,
  Squeeze: rearrange.squeeze,
  Unsqueeze: rearrange.unsqueeze,
  Transpose: rearrange.transpose,
  Concat: rearrange.concatenation,
  Slice: rearrange.slice,
  Expand: rearrange.expand,
  ReduceMean: rearrange.reduction,
  ReduceL2: rearrange.reduction,
  Shape: rearrange.shapeOf,
  Size: rearrange.shapeOf,
};

/** Operators that onnxruntime's optimiser writes; the others of its domain are refused by name. */
const fused = new Set(['FusedConv', 'QuickGelu']);

/**
 * Follows a graph from its input to its outputs. What it computes of stored numbers and sizes alone is computed; the rest
 * becomes layers. An output behind an operator that is unknown here is left out if another one is not.
 * @param size of the images where the graph takes any
 * @throws UserError naming the first node that no network here has
 */
export function graphLayers(graph: OnnxGraph, size: ImageSize, refuse: Refuse): GraphLayers {
  const input = imageInput(graph.inputs, size, refuse);
  const values = new Map<string, Value>();
  for (const [name, tensor] of graph.tensors) values.set(name, Constant.of(tensor, name));
  const { batch, channelsLast, name } = input;
  const { height, width } = sides(input.size);
  const own = [height, width];
  const shape = channelsLast ? [batch, ...own, 3] : [batch, 3, ...own];
  const images = layers.layer<Constant>('images', [], { at: shown(name), shape: [3, ...own] });
  values.set(name, { layer: images, shape, ...(channelsLast && { channelsLast }) });
  // Values that no network here has, with the reason.
  const unread = new Map<string, unknown>();
  for (const node of inOrder(graph, refuse)) {
    const reason = node.inputs.map((one) => unread.get(one)).find((one) => one !== undefined);
    if (reason !== undefined) {
      for (const output of node.outputs) unread.set(output, reason);
      continue;
    }
    const inputs = node.inputs.map((one) => {
      if (one === '') return undefined;
      const value = values.get(one);
      if (!value) throw refuse(`its ${shown(node.op)} reads ${shown(one)}, which nothing gives`);
      return value;
    });
    let results: readonly Value[];
    try {
      results = evaluate(new NodeReader(node, inputs, batch, graph.opset, refuse));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      for (const output of node.outputs) unread.set(output, error);
      continue;
    }
    for (const [i, output] of node.outputs.entries()) {
      const result = results[i];
      if (output === '' || !result) continue;
      if (values.has(output)) throw refuse(`two of its nodes give ${shown(output)}`);
      values.set(output, result);
    }
  }
  const outputs = new Map<string, Layer<Constant>>();
  for (const output of graph.outputs) {
    const value = values.get(output);
    if (value && !isConstant(value)) outputs.set(output, value.layer);
  }
  const [first] = unread.values();
  if (outputs.size === 0 && first !== undefined) throw first;
  return { outputs, input };
}

function evaluate(reader: NodeReader): readonly Value[] {
  const { op, node, inputs } = reader;
  const isOwn = node.domain === '' || (node.domain === 'com.microsoft' && fused.has(op));
  if (quantised.test(op)) throw reader.fail(`it is quantised (${shown(op)}); give the float model`);
  if (!isOwn)
    throw reader.refuse(
      `is of ${shown(node.domain)}, and no network here has it; save the model without that optimisation`,
    );
  const [first] = inputs;
  if (op === 'Constant') return [constantOf(reader)];
  const isStored = inputs.every((one) => one === undefined || isConstant(one));
  const results = isStored && isConstant(first) ? ofConstants(reader, first) : ofComputed(reader);
  reader.finish();
  return results;
}

function ofConstants(reader: NodeReader, first: Constant): readonly Value[] {
  if (reader.op === 'Shape' || reader.op === 'Size') return [rearrange.shapeOf(reader)];
  const operator = Object.hasOwn(constantOperators, reader.op) ? constantOperators[reader.op] : undefined;
  if (!operator) throw reader.refuse('computes with stored numbers in a way that is unknown here');
  return [operator(reader, first)];
}

function ofComputed(reader: NodeReader): readonly Value[] {
  if (reader.op === 'Split') return rearrange.split(reader);
  const operator = Object.hasOwn(operators, reader.op) ? operators[reader.op] : undefined;
  if (!operator) throw reader.refuse('is an operator that no network here has');
  return [operator(reader)];
}

function constantOf(reader: NodeReader): Constant {
  const names = ['value', 'value_float', 'value_floats', 'value_int', 'value_ints'];
  const value = names.map((name) => reader.constantAttribute(name)).find((one) => one !== undefined);
  if (!value) throw reader.refuse('stores neither numbers nor a number');
  return value;
}

function dropout(reader: NodeReader): Computed {
  reader.ignore('ratio', 'seed', 'is_test');
  const training = reader.optional(2, 'training mode')?.list()[0] ?? 0;
  if (training !== 0) throw reader.refuse('drops numbers: it is a model in training');
  return reader.computed();
}

function cast(reader: NodeReader): Computed {
  const to = reader.number('to', 0);
  reader.ignore('saturate', 'round_mode');
  if (!floats.includes(to)) throw reader.refuse(`makes whole numbers of what is computed (type ${to})`);
  return reader.computed();
}

/** A convolution, what is added to it, and an activation. */
function fusedConvolution(reader: NodeReader): Computed {
  const op = reader.string('activation', '');
  const parameters = reader.numbers('activation_params') ?? [];
  const convolved = windows.convolution(reader);
  const added = reader.inputs[3];
  if (added && isConstant(added)) throw reader.refuse('adds stored numbers');
  if (added && added.shape.join() !== convolved.shape.join())
    throw reader.refuse(`adds [${added.shape}] to [${convolved.shape}]`);
  const x = added ? layers.add(convolved.layer, added.layer, reader.at) : convolved.layer;
  if (op === '') return { ...convolved, layer: x };
  const [first, second] = parameters;
  if (op === 'Clip') {
    return {
      ...convolved,
      layer: layers.clip(x, first ?? Number.NEGATIVE_INFINITY, second ?? Number.POSITIVE_INFINITY, reader.at),
    };
  }
  const names: Readonly<Record<string, readonly string[]>> = {
    Relu: [],
    Sigmoid: [],
    HardSigmoid: ['alpha', 'beta'],
    LeakyRelu: ['alpha'],
  };
  const own = Object.hasOwn(names, op) ? names[op] : undefined;
  if (!own || own.length < parameters.length)
    throw reader.refuse(`has the activation ${shown(op)} (${parameters}), which is unknown here`);
  const attributes = new Map(own.map((name, i) => [name, parameters[i] ?? Number.NaN]));
  const node: OnnxNode = { ...reader.node, attributes };
  const acting = new NodeReader(node, reader.inputs, reader.batch, reader.opset, reader.fail);
  return { ...convolved, layer: (activations[op] as (typeof activations)[string])(x, acting) };
}

function imageInput(inputs: readonly OnnxInput[], size: ImageSize, refuse: Refuse): ImageInput {
  const [input] = inputs;
  if (!input || inputs.length > 1) throw refuse(`a network takes images alone, and it has ${inputs.length} inputs`);
  const { name, type, shape } = input;
  const [images, ...rest] = shape;
  const channelsLast = shape.length === 4 && shape[3] === 3 && shape[1] !== 3;
  if (shape.length !== 4 || (rest[channelsLast ? 2 : 0] ?? 3) !== 3) {
    throw refuse(
      `its input ${shown(name)} is [${shape.map((one) => one ?? 'any')}], and images are [batch,3,height,width]`,
    );
  }
  const usual = sides(size);
  const given = channelsLast ? rest.slice(0, 2) : rest.slice(1);
  const [height = usual.height, width = usual.width] = given;
  const sizes = [images ?? 2, height, width];
  if (sizes.some((one) => !Number.isInteger(one) || one < 1 || one > 10_000))
    throw refuse(`its input ${shown(name)} is [${shape}]`);
  const isFixed = !given.includes(undefined);
  return { name, type, batch: images ?? 2, isFixed, size: imageSize({ height, width }), channelsLast };
}
