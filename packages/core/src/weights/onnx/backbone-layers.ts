import type { BackboneDefinition, BackboneShape } from '../../nn/backbone';
import type { ConstantValue, GraphNode } from '../../runtime/compile/graph-def';
import type { Layer } from './layer';
import * as layers from './layer';
import { imagesName, recordBackbone } from './record-backbone';

type Own = Layer<string>;

const known = new Map<string, Own>();

/** A backbone's embedding as a graph of layers, whose weights are our names. Batch norms are layers of their own. */
export function backboneLayers(definition: BackboneDefinition, shape: BackboneShape): Own {
  const key = JSON.stringify([definition.name, ...Object.entries(shape).sort()]);
  const before = known.get(key);
  if (before) return before;
  const made = recordedLayers(definition, shape);
  known.set(key, made);
  return made;
}

function recordedLayers(definition: BackboneDefinition, shape: BackboneShape): Own {
  const recorded = recordBackbone(definition, shape);
  const lowering = new Lowering(recorded.nodes, recorded.shapes);
  return lowering.layerOf(recorded.embedding);
}

/** A convolution's filter: its name, and where a norm's scale is folded in, that norm's name. */
interface Filter {
  readonly name: string;
  readonly norm: string | undefined;
}

class Lowering {
  private readonly nodes: ReadonlyMap<string, GraphNode>;
  private readonly made = new Map<string, Own>();

  constructor(
    nodes: readonly GraphNode[],
    private readonly shapes: ReadonlyMap<string, readonly number[]>,
  ) {
    this.nodes = new Map(nodes.map((node) => [node.name, node]));
    this.made.set(imagesName, layers.layer('images', [], { at: 'images', shape: this.shapeOf(imagesName) }));
    // Recorded nodes come after those that they read, so no layer is looked for deep down.
    for (const node of nodes) if (node.inputs.some((input) => this.made.has(input))) this.lower(node);
  }

  layerOf(reference: string): Own {
    const found = this.made.get(reference);
    if (!found) throw new Error(`${reference} does not depend on the images.`);
    return found;
  }

  private lower(node: GraphNode): void {
    const [x = '', y = ''] = node.inputs;
    const at = node.name;
    const put = (made: Own) => this.made.set(node.name, made);
    const first = this.made.get(x);
    if (node.op === 'SplitV') {
      const sizes = this.numbers(y);
      for (const [i, size] of sizes.entries()) {
        const from = sizes.slice(0, i).reduce((a, b) => a + b, 0);
        this.made.set(i === 0 ? at : `${at}:${i}`, layers.slice(this.layerOf(x), from, from + size, at));
      }
    } else if (node.op === 'ConcatV2') put(this.concatenation(node));
    else if (node.op === 'Conv2D' || node.op === 'DepthwiseConv2dNative') put(this.convolution(node));
    else if (node.op === 'BiasAdd') put(this.biased(this.layerOf(x), y));
    else if (node.op === 'BatchMatMulV2') {
      const name = this.filterOf(y).name;
      const made = { at: withoutPart(name), shape: this.shapeOf(at), weights: { weight: name } };
      put(layers.layer('linear', [this.layerOf(x)], made));
    } else if (node.op === 'FusedBatchNormV3') {
      const [, gamma = '', beta = '', mean = '', variance = ''] = node.inputs;
      put(normLayer(this.layerOf(x), { gamma, beta, mean, variance }, number(node, 'epsilon')));
    } else if (node.op === 'MaxPool' || node.op === 'AvgPool') put(this.pooling(node));
    else if (node.op === 'Relu') put(layers.clip(this.layerOf(x), 0, Number.POSITIVE_INFINITY, at));
    else if (node.op === 'Relu6') put(layers.clip(this.layerOf(x), 0, 6, at));
    else if (node.op === 'Sigmoid') put(layers.layer('sigmoid', [this.layerOf(x)], { at }));
    else if (node.op === 'Add' || node.op === 'Mul' || node.op === 'Sub') put(this.arithmetic(node, first));
    else if (node.op === 'PadV2') {
      const pads = this.numbers(y);
      const settings = { before: [pads[2] ?? 0, pads[4] ?? 0], value: this.numbers(node.inputs[2] ?? '')[0] ?? 0 };
      put(layers.layer('pad', [this.layerOf(x)], { at, settings, shape: this.shapeOf(at) }));
    } else if (node.op === 'StridedSlice') {
      const strides = this.numbers(node.inputs[3] ?? '').slice(1, 3);
      put(layers.layer('every', [this.layerOf(x)], { at, settings: { strides }, shape: this.shapeOf(at) }));
    } else if (node.op === 'Transpose' || node.op === 'Reshape') put(this.rearranged(node, this.layerOf(x)));
    else throw new Error(`${at}: ${node.op} has no layer.`);
  }

  private convolution(node: GraphNode): Own {
    const [x = '', w = ''] = node.inputs;
    const source = this.layerOf(x);
    const { name, norm } = this.filterOf(w);
    const [height = 1, width = 1, each = 1] = this.shapes.get(w) ?? [];
    const depthwise = node.op !== 'Conv2D';
    const shape = this.shapeOf(node.name);
    const window = { kernel: [height, width], strides: numbers(node, 'strides').slice(1, 3) };
    const made = layers.convolution(source, {
      at: withoutPart(name),
      shape,
      ...window,
      before: before(node, this.shapes.get(x) ?? [], this.shapes.get(node.name) ?? [], window),
      dilations: [1, 1],
      groups: depthwise ? each : 1,
      weights: { weight: name },
    });
    return norm === undefined ? made : { ...made, settings: { ...made.settings, folded: norm } };
  }

  /** The convolutions of the groups of a grouped one, or channels of several maps. */
  private concatenation(node: GraphNode): Own {
    const parts = node.inputs.slice(0, -1).map((one) => this.layerOf(one));
    const [first] = parts;
    const sources = parts.map(({ kind, inputs: [one] }) =>
      kind === 'convolution' && one?.kind === 'slice' ? one : undefined,
    );
    const source = sources[0]?.inputs[0];
    const isGrouped = source && parts.length > 1 && sources.every((one) => one?.inputs[0] === source);
    const shape = this.shapeOf(node.name);
    if (!isGrouped || !first) return layers.layer('concat', parts, { at: node.name, shape });
    return { ...first, inputs: [source], shape, settings: { ...first.settings, groups: parts.length } };
  }

  /** Adds a bias, or what a folded norm adds: `beta - (mean - bias) scale`. */
  private biased(x: Own, reference: string): Own {
    const added = this.nodes.get(reference);
    if (!added) return { ...x, weights: { ...x.weights, bias: reference } };
    const [beta = '', moved] = added.inputs;
    const [mean = '', scale] = this.nodes.get(moved ?? '')?.inputs ?? [];
    const shifted = this.nodes.get(mean)?.inputs;
    const { gamma, variance, epsilon } = this.scaleOf(scale ?? '');
    const { folded, ...settings } = x.settings;
    if (added.op !== 'Sub' || folded !== gamma) throw new Error(`${reference} is no folded batch norm.`);
    const convolved = { ...x, settings, ...(shifted && { weights: { ...x.weights, bias: shifted[1] as string } }) };
    return normLayer(convolved, { gamma, beta, mean: shifted?.[0] ?? mean, variance }, epsilon);
  }

  private filterOf(reference: string): Filter {
    const node = this.nodes.get(reference.replace(/:\d+$/, ''));
    if (!node) return { name: reference, norm: undefined };
    const [source = '', scale = ''] = node.inputs;
    if (node.op !== 'Mul') return this.filterOf(source);
    return { ...this.filterOf(source), norm: this.scaleOf(scale).gamma };
  }

  /** The parts of gamma / sqrt(variance + epsilon). */
  private scaleOf(reference: string) {
    const [gamma = '', root = ''] = this.nodes.get(reference)?.inputs ?? [];
    const [sum = ''] = this.nodes.get(root)?.inputs ?? [];
    const [variance = '', epsilon = ''] = this.nodes.get(sum)?.inputs ?? [];
    return { gamma, variance, epsilon: this.numbers(epsilon)[0] ?? 0 };
  }

  private pooling(node: GraphNode): Own {
    const [x = ''] = node.inputs;
    const window = { kernel: numbers(node, 'ksize').slice(1, 3), strides: numbers(node, 'strides').slice(1, 3) };
    const shape = this.shapeOf(node.name);
    return layers.pool(node.op === 'MaxPool' ? 'maxPool' : 'averagePool', this.layerOf(x), {
      at: node.name,
      shape,
      ...window,
      before: before(node, this.shapes.get(x) ?? [], this.shapes.get(node.name) ?? [], window),
      counted: false,
    });
  }

  private arithmetic({ name: at, op, inputs: [a = '', b = ''] }: GraphNode, first: Own | undefined): Own {
    const second = this.made.get(b);
    if (first && second && op === 'Add') return this.prelu(first, second) ?? layers.add(first, second, at);
    if (first && second && op === 'Mul') return layers.multiply(first, second, at);
    // relu(x) + slope (x - relu(x))
    if (first && second) return layers.layer('negative', [first, second], { at });
    const x = (first ?? second) as Own;
    const other = first ? b : a;
    const constant = this.nodes.get(other);
    if (!constant) return layers.layer('sloped', [x], { at: withoutPart(other), weights: { weight: other } });
    const values = this.numbers(other);
    const [value = 0] = values;
    if (x.kind === 'averagePool' && op === 'Mul' && values.length > 1) {
      // The share of each window inside the map: the padding's zeros count.
      return { ...x, settings: { ...x.settings, padding_counts: 1 } };
    }
    if (values.length > 1 || op === 'Sub') throw new Error(`${at}: ${op} with ${values.length} numbers has no layer.`);
    return op === 'Add' ? layers.scalar(x, 1, value, at) : layers.scalar(x, value, 0, at);
  }

  private prelu(relu: Own, sloped: Own): Own | undefined {
    const [x] = relu.inputs;
    const [negative] = sloped.inputs;
    if (!x || sloped.kind !== 'sloped' || negative?.kind !== 'negative' || negative.inputs[0] !== x) return undefined;
    return layers.layer('prelu', [x], { at: sloped.at, weights: sloped.weights });
  }

  private rearranged(node: GraphNode, x: Own): Own {
    const shape = this.shapes.get(node.name) ?? [];
    const at = node.name;
    const [before] = x.inputs;
    if (node.op === 'Transpose') return layers.layer('transpose', [x], { at, shape });
    if (x.kind === 'transpose' && before && shape.length === 2) return layers.flatten(before, at);
    // [pixels, groups, channels of a group] with the last axes exchanged.
    if (x.kind === 'transpose' && before?.kind === 'reshape') {
      return layers.shuffle(before.inputs[0] as Own, before.shape[1] as number, at);
    }
    if (shape.length === 3) return layers.layer('reshape', [x], { at, shape });
    return x;
  }

  /** Without the batch, the channels first. */
  private shapeOf(reference: string): number[] {
    const [, ...shape] = this.shapes.get(reference) ?? [];
    return [...shape.slice(-1), ...shape.slice(0, -1)];
  }

  private numbers(reference: string): number[] {
    const node = this.nodes.get(reference);
    const tensor = node?.attrs.find((one): one is { name: string; tensor: ConstantValue } => 'tensor' in one)?.tensor;
    if (!tensor) throw new Error(`${reference} is no constant.`);
    return Array.from(tensor.values as ArrayLike<number>, Number);
  }
}

interface NormNames {
  readonly gamma: string;
  readonly beta: string;
  readonly mean: string;
  readonly variance: string;
}

function normLayer(x: Own, { gamma, beta, mean, variance }: NormNames, epsilon: number): Own {
  const weights = { weight: gamma, bias: beta, running_mean: mean, running_var: variance };
  return layers.layer('norm', [x], { at: withoutPart(gamma), settings: { epsilon }, weights });
}

const withoutPart = (name: string): string => name.slice(0, name.lastIndexOf('.'));

/** The padding above and to the left, which TensorFlow's SAME splits so that the smaller half comes first. */
function before(
  node: GraphNode,
  from: readonly number[],
  to: readonly number[],
  { kernel, strides }: { readonly kernel: readonly number[]; readonly strides: readonly number[] },
): number[] {
  const padding = node.attrs.find(({ name }) => name === 'padding');
  if (!padding || !('value' in padding) || padding.value !== 'SAME') return [0, 0];
  return [1, 2].map((axis) => {
    const spanned = ((to[axis] ?? 1) - 1) * (strides[axis - 1] ?? 1) + (kernel[axis - 1] ?? 1);
    return Math.max(0, spanned - (from[axis] ?? 1)) >> 1;
  });
}

function value(node: GraphNode, name: string): unknown {
  const found = node.attrs.find((one) => one.name === name);
  return found && 'value' in found ? found.value : undefined;
}

const number = (node: GraphNode, name: string): number => Number(value(node, name));
const numbers = (node: GraphNode, name: string): number[] => (value(node, name) as number[] | undefined) ?? [];
