import { DType } from '../../runtime/binding';
import { UserError } from '../../system/user-error';
import type { Floats, Layer, Shape } from '../graph';
import { attribute, type RecordedNode, type Recording } from '../recording';

/** What lowers an operation of TensorFlow: it adds layers for its outputs. */
export type Operation = (node: RecordedNode, lowering: Lowering) => void;

/**
 * What makes one layer of several, or a simpler one. It gets a layer that is about to be added, and returns the layers that
 * replace it, the last of which makes the same value; or the name of another value that its value equals; or undefined.
 */
export type Pattern = (layer: Layer, lowering: Lowering) => readonly Layer[] | string | undefined;

/** The layers made so far from a recording, for operations and patterns. */
export class Lowering {
  readonly layers = new Map<string, Layer>();
  private readonly equal = new Map<string, string>();
  private readonly uses = new Map<string, number>();

  constructor(
    readonly recording: Recording,
    private readonly patterns: readonly Pattern[],
  ) {
    const read = [...recording.nodes.flatMap(({ inputs }) => inputs), ...recording.outputs.values()];
    for (const name of read) this.uses.set(name, (this.uses.get(name) ?? 0) + 1);
  }

  /** The name of the value that a node's input is. */
  input({ name, inputs }: RecordedNode, index: number): string {
    const input = inputs[index];
    if (input === undefined) throw new Error(`${name} has no input ${index}.`);
    return this.nameOf(input);
  }

  /** The name under which a layer makes the value of a reference. */
  nameOf(reference: string): string {
    let name = reference;
    for (let other = this.equal.get(name); other !== undefined; other = this.equal.get(name)) name = other;
    return name;
  }

  shapeOf(name: string): Shape {
    const shape = this.layers.get(name)?.shape ?? this.recording.shapes.get(name);
    if (shape) return shape;
    throw new Error(`The recording has no value ${name}.`);
  }

  /** The constant floats of a reference; undefined for values that depend on the images. */
  floats(reference: string): Floats | undefined {
    const found = this.recording.constants.get(reference);
    if (found?.dtype !== DType.float32) return undefined;
    return { shape: found.shape, values: found.values as Float32Array };
  }

  /** The floats of a node's input. @throws UserError for an input that depends on the images */
  weight(node: RecordedNode, index: number, what: string): Floats {
    const found = this.floats(node.inputs[index] as string);
    if (found) return found;
    throw refused(node, `${what} depends on the images`);
  }

  /** The whole numbers of a node's input: axes, sizes, orders. @throws UserError where they depend on the images */
  integers(node: RecordedNode, index: number, what: string): number[] {
    const found = this.recording.constants.get(node.inputs.at(index) as string);
    if (found?.dtype === DType.int32) return Array.from(found.values as Int32Array);
    throw refused(node, `${what} depends on the images`);
  }

  /** A value or a constant. */
  operand(node: RecordedNode, index: number): string | Floats {
    return this.floats(node.inputs[index] as string) ?? this.input(node, index);
  }

  /** The layer that makes a value. */
  layerOf(name: string): Layer | undefined {
    return this.layers.get(name);
  }

  /** Whether one operation alone reads a value. */
  isReadOnce(name: string): boolean {
    return this.uses.get(name) === 1;
  }

  put(layer: Layer): void {
    for (const pattern of this.patterns) {
      const made = pattern(layer, this);
      if (typeof made === 'string') {
        this.equal.set(layer.output, made);
        return;
      }
      if (made) {
        for (const one of made) this.layers.set(one.output, one);
        return;
      }
    }
    this.layers.set(layer.output, layer);
  }
}

/** The output, shape and line of the layer that takes a node's place. */
export const madeBy = (node: RecordedNode, lowering: Lowering) => ({
  output: node.name,
  shape: lowering.shapeOf(node.name),
  site: node.site,
});

export const refused = ({ name, site }: Pick<RecordedNode, 'name' | 'site'>, why: string): UserError =>
  new UserError(`${name} (${site ?? 'an unknown line'}) cannot be exported: ${why}.`, 1);

/** [vertical, horizontal] of an attribute [1, vertical, horizontal, 1]. */
export function pairOf(node: RecordedNode, name: string): readonly [number, number] {
  const [, vertical, horizontal] = attribute(node, name) as readonly [number, number, number, number];
  return [vertical, horizontal];
}
