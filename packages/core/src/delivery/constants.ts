/** The values of a recording that do not depend on the images. */
import { type Attr, backend, DType, handleOf, type TensorInfo } from '../runtime/binding';
import type { ConstantValue } from '../runtime/compile/graph-def';
import type { State } from '../runtime/state';
import type { Shape } from './graph';
import { constantIn, type RecordedNode } from './recording';

interface Handle extends TensorInfo {
  readonly free: () => void;
}

/**
 * TensorFlow itself computes what depends on weights alone, so that a batch norm becomes part of its convolution without
 * further ado. Values stay in TensorFlow until an operation on the images reads them, and are freed after their last use,
 * variables of the state too: a head of 93,431 centres takes 191 MB each time it lies in memory.
 */
export class Constants {
  /** The constants that operations on the images read. */
  readonly known = new Map<string, ConstantValue>();
  private readonly handles = new Map<string, Handle>();
  private readonly literals = new Map<string, ConstantValue>();
  private readonly uses = new Map<string, number>();

  /** @param nodes in the order of computation; `absorb` takes them in the same order */
  constructor(
    state: State,
    nodes: readonly RecordedNode[],
    private readonly shapes: ReadonlyMap<string, Shape>,
  ) {
    for (const { name, variable } of state.all()) {
      const free = () => variable.dispose();
      this.handles.set(name, { id: handleOf(variable), shape: [...variable.shape], dtype: DType.float32, free });
    }
    for (const input of nodes.flatMap(({ inputs }) => inputs)) this.uses.set(input, (this.uses.get(input) ?? 0) + 1);
  }

  /** Computes a node whose inputs are constants. @returns false for a node that depends on the images */
  absorb(node: RecordedNode): boolean {
    if (node.op === 'Const') {
      this.literals.set(node.name, constantIn(node));
      return true;
    }
    if (node.inputs.every((input) => this.has(input))) {
      this.compute(node);
      for (const input of node.inputs) this.release(input);
      return true;
    }
    for (const input of node.inputs) {
      if (!this.has(input)) continue;
      if (!this.known.has(input)) this.known.set(input, this.valueOf(input));
      this.release(input);
    }
    return false;
  }

  dispose(): void {
    for (const { free } of this.handles.values()) free();
    this.handles.clear();
  }

  private has(name: string): boolean {
    return this.handles.has(name) || this.literals.has(name);
  }

  private valueOf(name: string): ConstantValue {
    const literal = this.literals.get(name);
    if (literal) return literal;
    const { id, shape, dtype } = this.handles.get(name) as Handle;
    return { dtype, shape: [...shape], values: backend().binding.tensorDataSync(id) };
  }

  private compute({ name, op, attrs, inputs, site }: RecordedNode): void {
    const { binding } = backend();
    if (this.shapes.get(name)?.some((size) => typeof size !== 'number')) {
      throw new Error(`${name} (${site}) makes a constant whose size follows the number of images.`);
    }
    const uploaded: number[] = [];
    try {
      const ids = inputs.map((input) => {
        const literal = this.literals.get(input);
        if (!literal) return (this.handles.get(input) as Handle).id;
        const id = binding.createTensor(literal.shape, literal.dtype, literal.values);
        uploaded.push(id);
        return id;
      });
      let outputs = 1;
      while (this.shapes.has(`${name}:${outputs}`)) outputs++;
      for (const [i, info] of binding.executeOp(op, attrs as readonly Attr[], ids, outputs).entries()) {
        const free = () => binding.deleteTensor(info.id);
        this.handles.set(i === 0 ? name : `${name}:${i}`, { ...info, free });
      }
    } finally {
      for (const id of uploaded) binding.deleteTensor(id);
    }
  }

  /** Notes that a value was read, and frees it after the last time. */
  private release(name: string): void {
    const left = (this.uses.get(name) ?? 0) - 1;
    this.uses.set(name, left);
    const handle = this.handles.get(name);
    if (left > 0 || !handle) return;
    handle.free();
    // Its node may have further outputs.
    this.handles.delete(name);
  }
}
