/** Writes networks as ONNX files in the ways of several exporters, for tests of the reader. */
import { fromTorch, toTorch } from '../src/nn/torch-layout';
import type { NamedValues } from '../src/runtime/state';
import type { Layer } from '../src/weights/onnx/layer';
import type { HandMadeAttribute, HandMadeModel, HandMadeNode, HandMadeTensor } from './hand-made-onnx';

/** Different words for one computation. */
export interface Wording {
  /** Batch norms behind convolutions and linear layers are folded into them. */
  readonly folded: boolean;
  /** One node for hardswish and its like, or its parts. */
  readonly whole: boolean;
  readonly pool: 'GlobalAveragePool' | 'ReduceMean' | 'AveragePool';
  readonly flatten: 'Flatten' | 'Reshape' | 'size';
  /** Linear layers as Gemm, or as MatMul and Add. */
  readonly gemm: boolean;
  readonly opset: number;
  /** undefined: any number of images. */
  readonly batch: number | undefined;
}

export const usualWording: Wording = {
  folded: true,
  whole: true,
  pool: 'GlobalAveragePool',
  flatten: 'Flatten',
  gemm: true,
  opset: 17,
  batch: 1,
};

type Own = Layer<string>;

/** @param weights by PyTorch's names, in its layout; `head.weight` and `head.bias` make a classifier */
export function onnxOfLayers(root: Own, weights: ReadonlyMap<string, NamedValues>, wording: Wording): HandMadeModel {
  const writer = new Writer(weights, wording, root);
  const embedding = writer.write(root);
  if (weights.has('head.weight')) writer.classify(root, embedding);
  let images = root;
  while (images.inputs[0]) images = images.inputs[0];
  return {
    nodes: writer.nodes,
    tensors: writer.tensors,
    input: [wording.batch, ...images.shape],
    opset: wording.opset,
  };
}

class Writer {
  readonly nodes: HandMadeNode[] = [];
  readonly tensors = new Map<string, HandMadeTensor>();
  private readonly written = new Map<Own, string>();
  /** How many layers read each. */
  private readonly uses = new Map<Own, number>();

  constructor(
    private readonly weights: ReadonlyMap<string, NamedValues>,
    private readonly wording: Wording,
    root: Own,
  ) {
    const open = [root];
    for (let at = open.pop(); at; at = open.pop()) {
      for (const input of at.inputs) {
        if (!this.uses.has(input)) open.push(input);
        this.uses.set(input, (this.uses.get(input) ?? 0) + 1);
      }
    }
  }

  write(layer: Own): string {
    const before = this.written.get(layer);
    if (before) return before;
    const made = this.layer(layer);
    this.written.set(layer, made);
    return made;
  }

  classify(root: Own, embedding: string): void {
    const { weight, bias } = { weight: this.stored('head.weight'), bias: this.weights.get('head.bias') };
    const flat = this.isMap(root) ? this.flatten(embedding, root) : embedding;
    const inputs = [flat, weight, ...(bias ? [this.store(bias)] : [])];
    this.add('Gemm', inputs, { transB: 1 });
  }

  private layer(layer: Own): string {
    const { kind, settings, inputs, weights, shape } = layer;
    if (kind === 'images') return 'x';
    if (kind === 'norm') return this.norm(layer);
    if (kind === 'multiply' && this.wording.whole) {
      const hard = hardSwish(layer);
      if (hard && this.wording.opset >= 14) return this.add('HardSwish', [this.write(hard)]);
    }
    const [x = '', y = ''] = inputs.map((one) => this.write(one));
    if (kind === 'convolution') return this.convolution(layer, x, this.stored(weights.weight), this.bias(weights.bias));
    if (kind === 'linear')
      return this.linear(
        layer,
        x,
        this.value(weights.weight),
        weights.bias === undefined ? undefined : this.value(weights.bias),
      );
    if (kind === 'prelu') return this.add('PRelu', [x, this.store(this.perChannel(layer, this.value(weights.weight)))]);
    if (kind === 'clip') return this.clip(x, Number(settings.low), Number(settings.high));
    if (kind === 'scalar') {
      const scaled = settings.factor === 1 ? x : this.add('Mul', [x, this.number(Number(settings.factor))]);
      return settings.summand === 0 ? scaled : this.add('Add', [scaled, this.number(Number(settings.summand))]);
    }
    if (kind === 'sigmoid') return this.add('Sigmoid', [x]);
    if (kind === 'add') return this.add('Add', [x, y]);
    if (kind === 'multiply')
      return this.add(
        'Mul',
        inputs.map((one, i) => this.raised(one, i === 0 ? x : y, shape)),
      );
    if (kind === 'maxPool' || kind === 'averagePool') {
      const attributes = { ...this.window(layer), ...(kind === 'averagePool' && { count_include_pad: 1 }) };
      return this.add(kind === 'maxPool' ? 'MaxPool' : 'AveragePool', [x], attributes);
    }
    if (kind === 'mean') return this.mean(inputs[0] as Own, x);
    if (kind === 'flatten') return this.flatten(x, inputs[0] as Own);
    if (kind === 'concat')
      return this.add(
        'Concat',
        inputs.map((one) => this.write(one)),
        { axis: 1 },
      );
    if (kind === 'slice') {
      const [from, to, axes] = [settings.from, settings.to, 1].map((one) => this.integers([Number(one)]));
      return this.add('Slice', [x, from as string, to as string, axes as string]);
    }
    if (kind === 'shuffle') return this.shuffle(layer, x);
    throw new Error(`${kind} has no ONNX.`);
  }

  private norm(layer: Own): string {
    const [core] = layer.inputs as [Own];
    const parts = ['weight', 'bias', 'running_mean', 'running_var'].map((part) => this.value(layer.weights[part]));
    const holds = core.kind === 'convolution' || core.kind === 'linear';
    if (!holds || !this.wording.folded || (this.uses.get(core) ?? 0) > 1) {
      const inputs = [this.write(core), ...parts.map((part) => this.store(part))];
      return this.add('BatchNormalization', inputs, { epsilon: { float: Number(layer.settings.epsilon) } });
    }
    const [gamma, beta, mean, variance] = parts.map(({ values }) => values) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const scale = gamma.map((one, c) => one / Math.sqrt((variance[c] ?? 0) + Number(layer.settings.epsilon)));
    const { shape, values } = this.value(core.weights.weight);
    const each = values.length / scale.length;
    const weight = { shape, values: values.map((one, i) => one * (scale[Math.floor(i / each)] ?? 0)) };
    const own = core.weights.bias === undefined ? undefined : this.value(core.weights.bias).values;
    const bias = {
      shape: [scale.length],
      values: scale.map((one, c) => (beta[c] ?? 0) + ((own?.[c] ?? 0) - (mean[c] ?? 0)) * one),
    };
    const [input] = core.inputs as [Own];
    if (core.kind === 'linear') return this.linear(core, this.write(input), weight, bias);
    return this.convolution(core, this.write(input), this.store(weight), [this.store(bias)]);
  }

  private convolution(layer: Own, x: string, weight: string, bias: readonly string[]): string {
    return this.add('Conv', [x, weight, ...bias], {
      ...this.window(layer),
      dilations: [...(layer.settings.dilations as number[])],
      group: Number(layer.settings.groups),
    });
  }

  /** As a 1x1 convolution where its weight is one. */
  private linear({ inputs }: Own, x: string, weight: NamedValues, bias: NamedValues | undefined): string {
    const stored = bias ? [this.store(bias)] : [];
    if (weight.shape.length === 4)
      return this.add('Conv', [this.raised(inputs[0] as Own, x, [0, 0, 0]), this.store(weight), ...stored]);
    const flat = this.isMap(inputs[0] as Own) ? this.flatten(x, inputs[0] as Own) : x;
    if (this.wording.gemm) return this.add('Gemm', [flat, this.store(weight), ...stored], { transB: 1 });
    const product = this.add('MatMul', [flat, this.store(fromTorch(weight))]);
    return bias ? this.add('Add', [product, ...stored]) : product;
  }

  private window({ settings, shape, inputs }: Own): Record<string, HandMadeAttribute> {
    const [kernel, strides, before] = [settings.kernel, settings.strides, settings.padding] as [
      number[],
      number[],
      number[],
    ];
    const from = inputs[0]?.shape ?? [];
    const after = [0, 1].map((i) => {
      const spanned = ((shape[i + 1] ?? 1) - 1) * (strides[i] ?? 1) + (kernel[i] ?? 1);
      return Math.max(0, spanned - (from[i + 1] ?? 1) - (before[i] ?? 0));
    });
    // A stride that no second step uses, any that takes none.
    const steps = strides.map((stride, i) =>
      (shape[i + 1] ?? 1) === 1 ? (from[i + 1] ?? 1) + (before[i] ?? 0) : stride,
    );
    return { kernel_shape: [...kernel], strides: steps, pads: [...before, ...after] };
  }

  private clip(x: string, low: number, high: number): string {
    if (low === 0 && high === Number.POSITIVE_INFINITY) return this.add('Relu', [x]);
    if (this.wording.opset < 11) return this.add('Clip', [x], { min: { float: low }, max: { float: high } });
    return this.add('Clip', [x, this.number(low), this.number(high)]);
  }

  private mean(from: Own, x: string): string {
    const { pool, opset } = this.wording;
    if (pool === 'GlobalAveragePool') return this.add('GlobalAveragePool', [x]);
    if (pool === 'AveragePool') return this.add('AveragePool', [x], { kernel_shape: from.shape.slice(1) });
    return opset < 18
      ? this.add('ReduceMean', [x], { axes: [-1, -2], keepdims: 1 })
      : this.add('ReduceMean', [x, this.integers([2, 3])], { keepdims: 1 });
  }

  private flatten(x: string, from: Own): string {
    const { flatten, batch } = this.wording;
    const length = from.shape.reduce((a, b) => a * b, 1);
    if (flatten === 'Flatten') return this.add('Flatten', [x], { axis: 1 });
    if (flatten === 'Reshape')
      return this.add('Reshape', [x, this.integers(batch === undefined ? [0, length] : [batch, -1])]);
    const size = this.add('Gather', [this.add('Shape', [x]), this.integers([0], [])], { axis: 0 });
    const axes = this.wording.opset < 13 ? [] : [this.integers([0])];
    const given: Record<string, HandMadeAttribute> = axes.length === 0 ? { axes: [0] } : {};
    const sizes = [this.add('Unsqueeze', [size, ...axes], given), this.integers([-1])];
    return this.add('Reshape', [x, this.add('Concat', sizes, { axis: 0 })]);
  }

  private shuffle({ settings, shape }: Own, x: string): string {
    const [channels = 0, height = 0, width = 0] = shape;
    const groups = Number(settings.groups);
    const split = this.add('Reshape', [x, this.integers([0, groups, channels / groups, height, width])]);
    const moved = this.add('Transpose', [split], { perm: [0, 2, 1, 3, 4] });
    return this.add('Reshape', [moved, this.integers([0, channels, height, width])]);
  }

  /** Whether a layer of [channels] is [channels, 1, 1] in the file. */
  private isMap({ kind, inputs, weights }: Own): boolean {
    if (kind === 'mean' || kind === 'convolution' || kind === 'images') return true;
    if (kind === 'linear') return this.value(weights.weight).shape.length === 4;
    return kind !== 'flatten' && inputs.every((one) => this.isMap(one));
  }

  /** A factor for each channel of a map, with the map's axes. */
  private raised(layer: Own, x: string, shape: readonly number[]): string {
    if (shape.length < 3 || this.isMap(layer)) return x;
    return this.add('Reshape', [x, this.integers([0, layer.shape[0] ?? 0, 1, 1])]);
  }

  private perChannel(layer: Own, { values }: NamedValues): NamedValues {
    return { shape: [values.length, ...(this.isMap(layer.inputs[0] as Own) ? [1, 1] : [])], values };
  }

  private add(op: string, inputs: readonly string[], attributes: Record<string, HandMadeAttribute> = {}): string {
    const output = `t${this.nodes.length}`;
    this.nodes.push({ op, inputs, output, name: `n${this.nodes.length}`, attributes });
    return output;
  }

  private value(name = ''): NamedValues {
    const value = this.weights.get(name);
    if (!value) throw new Error(`There is no weight ${name}.`);
    return value;
  }

  private stored = (name = ''): string => this.store(this.value(name));
  private bias = (name: string | undefined): string[] => (name === undefined ? [] : [this.stored(name)]);
  private number = (value: number): string => this.store({ shape: [], values: Float32Array.of(value) });
  private integers = (values: readonly number[], shape = [values.length]): string =>
    this.store({ shape, values: Float32Array.from(values), isInteger: true });

  private store(value: HandMadeTensor): string {
    const name = `w${this.tensors.size}`;
    this.tensors.set(name, value);
    return name;
  }
}

/** x of x clip(x / 6 + 1 / 2, 0, 1). */
function hardSwish({ inputs: [x, gate] }: Own): Own | undefined {
  const [scaled] = gate?.inputs ?? [];
  return gate?.kind === 'clip' && gate.settings.high === 1 && scaled?.inputs[0] === x ? x : undefined;
}

/** A network's weights by PyTorch's names. */
export const inTorch = (weights: ReadonlyMap<string, NamedValues>): Map<string, NamedValues> =>
  new Map([...weights].map(([name, value]) => [name, toTorch(value)]));
