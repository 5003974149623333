import { bytesOf } from '../../system/bytes-of';
import { type Floats, type Graph, type Layer, type Shape, shapesOf, sizesFor, usesOf } from '../graph';
import { toHalf, toInt8, type WeightType } from '../weights';
import type { TfliteOperator, TfliteTensor } from './encode';
import { type Activation, type OperatorName, type Options, operatorCodes, options, type TensorType } from './schema';

export interface OperatorOptions {
  readonly options?: Options;
  /** What an operator needs of its reader, after op_version.cc of LiteRT. Default: 1. */
  readonly version?: number;
}

/** The tensors and operators of a model so far, and where the graph's values are in it. Maps lie as in the graph. */
export class TfliteBuilder {
  readonly tensors: TfliteTensor[] = [];
  readonly operators: TfliteOperator[] = [];
  private readonly shapes: ReadonlyMap<string, Shape>;
  private readonly uses: ReadonlyMap<string, number>;
  private readonly readers = new Map<string, Layer>();
  private readonly places = new Map<string, number>();
  private readonly integerTensors = new Map<string, number>();
  /** The names that users give to values. */
  private readonly outputNames: ReadonlyMap<string, string>;
  /** Layers that became a part of the one before. */
  readonly fused = new Set<string>();

  constructor(
    graph: Graph,
    readonly weights: WeightType,
  ) {
    this.shapes = shapesOf(graph);
    this.uses = usesOf(graph);
    for (const layer of graph.layers) if ('x' in layer) this.readers.set(layer.x, layer);
    this.outputNames = new Map([...graph.outputs].map(([name, value]) => [value, name]));
    const { name, shape, dtype } = graph.input;
    this.places.set(name, this.tensor({ name, shape: sizesFor(shape, 1), type: dtype }));
  }

  private tensor(tensor: TfliteTensor): number {
    return this.tensors.push(tensor) - 1;
  }

  /** The tensor of a value of the graph. */
  get(value: string): number {
    const found = this.places.get(value);
    if (found === undefined) throw new Error(`No layer makes the value ${value}.`);
    return found;
  }

  shapeOf(value: string): Shape {
    return this.shapes.get(value) ?? [];
  }

  /** Adds the operator that makes a value of the graph. */
  put(operator: OperatorName, inputs: readonly number[], { output, shape }: Made, more?: OperatorOptions): void {
    const name = this.outputNames.get(output) ?? output;
    this.places.set(output, this.add(operator, inputs, { output: name, shape }, more));
  }

  /** Adds an operator for a value between two of the graph. @returns the value's tensor */
  add(operator: OperatorName, inputs: readonly number[], { output, shape }: Made, more: OperatorOptions = {}): number {
    const tensor = this.tensor({ name: output, shape: sizesFor(shape, 1), type: 'float32' });
    const { version = 1 } = more;
    this.operators.push({
      code: operatorCodes[operator],
      version,
      inputs,
      output: tensor,
      options: more.options,
    });
    return tensor;
  }

  /** Stores numbers that stay float32: biases, slopes and other small ones. */
  floats(name: string, { shape, values }: Floats): number {
    return this.tensor({ name, shape, type: 'float32', data: bytesOf(values) });
  }

  /** Axes, sizes and other whole numbers; equal ones are stored once. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): number {
    const key = `${shape.join('x')}/${values.join('_')}`;
    const found = this.integerTensors.get(key);
    if (found !== undefined) return found;
    const type: TensorType = 'int32';
    const made = this.tensor({ name: `integers/${key}`, shape, type, data: bytesOf(Int32Array.from(values)) });
    this.integerTensors.set(key, made);
    return made;
  }

  /**
   * Stores the weights of a layer, with the type that was asked for.
   * @param channels the axis of the layer's outputs
   * @param whole whether the layer's operator takes weights of int8: it then makes its input int8 too, picture by picture
   * @returns the tensor that the operator reads
   */
  weight(name: string, value: Floats, channels: number, whole = true): number {
    const { shape, values } = value;
    if (this.weights === 'float32') return this.floats(name, value);
    const made = { output: name, shape };
    if (this.weights === 'float16') {
      const half = this.tensor({ name: `${name}/half`, shape, type: 'float16', data: bytesOf(toHalf(values)) });
      return this.add('dequantize', [half], made, { options: options.dequantize, version: 3 });
    }
    const { quantities, scales } = toInt8(value, channels);
    const stored = {
      shape,
      type: 'int8',
      data: bytesOf(quantities),
      quantisation: { scales, axis: channels },
    } as const;
    if (whole) return this.tensor({ name, ...stored });
    const tensor = this.tensor({ name: `${name}/quantities`, ...stored });
    return this.add('dequantize', [tensor], made, { options: options.dequantize, version: 5 });
  }

  /**
   * A layer with the activation behind it, where that alone reads its value: most operators apply one to their result.
   * The value is then the activation's.
   */
  withActivation({ output, shape }: Made): Made & { readonly activation: Activation } {
    const next = this.uses.get(output) === 1 ? this.readers.get(output) : undefined;
    if (next?.kind !== 'elementwise' || (next.op !== 'relu' && next.op !== 'relu6')) {
      return { output, shape, activation: 'none' };
    }
    this.fused.add(next.output);
    return { output: next.output, shape, activation: next.op };
  }
}

/** The value that an operator makes. */
export interface Made {
  readonly output: string;
  readonly shape: Shape;
}
