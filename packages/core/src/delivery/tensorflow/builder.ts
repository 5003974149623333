import { type Attr, attr, DType } from '../../runtime/binding';
import type { ConstantValue, GraphNode } from '../../runtime/compile/graph-def';
import { bytesOf } from '../../system/bytes-of';
import { type Floats, type Graph, openSizes, type Pads, type Shape, shapesOf, usesOf } from '../graph';
import { toHalf, toInt8, type WeightType } from '../weights';

/** tfjs: with operations that TensorFlow.js alone runs as one (Prelu, fused convolutions). */
export type Dialect = 'tensorflow' | 'tfjs';

/** The attribute of most operations: they compute in float32. */
export const floatType = attr.type('T', 'float32');

/** The operations of a graph so far. Weights are constants among them. */
export class TensorFlowBuilder {
  readonly nodes: GraphNode[] = [];
  private readonly integerNodes = new Map<string, string>();
  private readonly shapes: ReadonlyMap<string, Shape>;
  private readonly uses: ReadonlyMap<string, number>;
  private readonly readers = new Map<string, Graph['layers'][number]>();
  /** Layers that became a part of the one before. */
  readonly fused = new Set<string>();

  constructor(
    graph: Graph,
    readonly dialect: Dialect,
    readonly weights: WeightType,
  ) {
    this.shapes = shapesOf(graph);
    this.uses = usesOf(graph);
    for (const layer of graph.layers) if ('x' in layer) this.readers.set(layer.x, layer);
  }

  /** Adds an operation. @returns its name */
  add(op: string, inputs: readonly string[], name: string, attrs: readonly Attr[] = [floatType]): string {
    this.nodes.push({ name, op, inputs, attrs });
    return name;
  }

  constant(name: string, type: keyof typeof DType, tensor: Omit<ConstantValue, 'dtype'>): string {
    const value = { name: 'value', tensor: { dtype: DType[type], ...tensor } };
    this.nodes.push({ name, op: 'Const', inputs: [], attrs: [attr.type('dtype', type), value] });
    return name;
  }

  /** Stores numbers that stay float32: biases, slopes and other small ones. */
  floats(name: string, { shape, values }: Floats): string {
    return this.constant(name, 'float32', { shape, values });
  }

  /**
   * Stores the weights of a layer. TensorFlow.js stores halves and bytes as such, see tfjs-model.ts.
   * @param axes how many axes at the end number the layer's outputs
   */
  weight(name: string, value: Floats, axes = 1): string {
    if (this.weights === 'int8') return this.quantisedWeight(name, value, axes);
    if (this.weights === 'float32' || this.dialect === 'tfjs') return this.floats(name, value);
    const values = bytesOf(toHalf(value.values));
    return this.floatsOf('float16', this.constant(`${name}/half`, 'float16', { shape: value.shape, values }), name);
  }

  private quantisedWeight(name: string, { shape, values }: Floats, axes: number): string {
    const channels = shape.slice(-axes);
    const count = channels.reduce((product, size) => product * size, 1);
    const { quantities, scales } = toInt8({ shape: [values.length / count, count], values }, 1);
    const stored = this.constant(`${name}/quantities`, 'int8', { shape, values: bytesOf(quantities) });
    const whole = this.dialect === 'tfjs' ? stored : this.floatsOf('int8', stored, `${name}/whole`);
    return this.add('Mul', [whole, this.floats(`${name}/scales`, { shape: channels, values: scales })], name);
  }

  private floatsOf(type: keyof typeof DType, x: string, name: string): string {
    return this.add('Cast', [x], name, [attr.type('SrcT', type), attr.type('DstT', 'float32')]);
  }

  /** Axes, sizes and other whole numbers; equal ones are stored once. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    const key = `${shape.join('x')}/${values.map((value) => (value < 0 ? `minus${-value}` : value)).join('_')}`;
    const found = this.integerNodes.get(key);
    if (found !== undefined) return found;
    const name = this.constant(`integers/${key}`, 'int32', { shape, values: Int32Array.from(values) });
    this.integerNodes.set(key, name);
    return name;
  }

  /** The node of a value of the graph. */
  node(value: string): string {
    return value.replace(':', '_');
  }

  shapeOf(value: string): Shape {
    return this.shapes.get(value) ?? [];
  }

  /** The layer that alone reads a value, and reads nothing else; undefined where there is none. */
  onlyReader(value: string): Graph['layers'][number] | undefined {
    return this.uses.get(value) === 1 ? this.readers.get(value) : undefined;
  }

  sizes(shape: Shape): string {
    return this.integers(openSizes(shape));
  }

  pad(name: string, x: string, [top, left, bottom, right]: Pads, value: number): string {
    const around = this.integers([0, 0, top, bottom, left, right, 0, 0], [4, 2]);
    const filler = this.floats(`${name}/value`, { shape: [], values: Float32Array.of(value) });
    return this.add('PadV2', [x, around, filler], name, [floatType, attr.type('Tpaddings', 'int32')]);
  }
}
