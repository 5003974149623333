import { bytesOf } from '../../system/bytes-of';
import { type Floats, type Graph, type Shape, shapesOf } from '../graph';
import type { Ranges } from '../ranges';
import type { WeightType } from '../weights';
import type { AttributeValue, OnnxNode, TensorValue } from './proto';

/**
 * The order of a map's axes. ONNX's convolutions want [batch, c, h, w]. A value keeps the layout in which it was made, and is
 * converted where a layer wants the other one: most networks have one Transpose, at their input.
 */
export type Layout = 'nhwc' | 'nchw';

export const toChannelsFirst: readonly number[] = [0, 3, 1, 2];
export const toChannelsLast: readonly number[] = [0, 2, 3, 1];

/** The nodes and tensors of a model so far, and where the graph's values are in it. */
export class OnnxBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly tensors = new Map<string, TensorValue>();
  private readonly shapes: ReadonlyMap<string, Shape>;
  private readonly places = new Map<string, Partial<Record<Layout, string>>>();

  constructor(
    graph: Graph,
    readonly weights: WeightType,
    /** The ranges of values that are stored in 8 bits, see store-activation.ts. */
    readonly ranges?: Ranges | undefined,
  ) {
    this.shapes = shapesOf(graph);
  }

  /** Adds a node with one output. @returns the output's name */
  add(op: string, inputs: readonly string[], output: string, attributes?: Record<string, AttributeValue>): string {
    this.nodes.push({ op, inputs, outputs: [output], ...(attributes && { attributes }) });
    return output;
  }

  store(name: string, value: TensorValue): string {
    this.tensors.set(name, value);
    return name;
  }

  /** Stores numbers that stay float32: biases, slopes and other small ones. */
  floats(name: string, { shape, values }: Floats): string {
    return this.store(name, { type: 'float32', shape, bytes: bytesOf(values) });
  }

  scalar(name: string, value: number): string {
    return this.floats(name, { shape: [], values: Float32Array.of(value) });
  }

  integers(name: string, values: readonly number[]): string {
    const bytes = bytesOf(BigInt64Array.from(values, BigInt));
    return this.store(name, { type: 'int64', shape: [values.length], bytes });
  }

  shapeOf(value: string): Shape {
    return this.shapes.get(value) ?? [];
  }

  isMap(value: string): boolean {
    return this.shapeOf(value).length === 4;
  }

  /** The layout in which a value is there already; channels first where both are. */
  layoutOf(value: string): Layout {
    return this.places.get(value)?.nchw === undefined ? 'nhwc' : 'nchw';
  }

  /** Says that a value of the graph is the model's value `name`. */
  made(value: string, name: string, layout: Layout = 'nhwc'): void {
    this.places.set(value, { ...this.places.get(value), [layout]: name });
  }

  /** The model's name of a value of the graph, in a layout. Other values than maps have one layout, `nhwc`. */
  get(value: string, layout: Layout = 'nhwc'): string {
    const place = this.places.get(value);
    const found = place?.[layout];
    if (found !== undefined) return found;
    const other = place?.[layout === 'nchw' ? 'nhwc' : 'nchw'];
    if (other === undefined) throw new Error(`No layer makes the value ${value}.`);
    const order = layout === 'nchw' ? toChannelsFirst : toChannelsLast;
    const turned = this.add('Transpose', [other], `${value}_${layout}`, { perm: order });
    this.made(value, turned, layout);
    return turned;
  }
}
