import type { UserError } from '../../system/user-error';
import { isExternalTensor } from '../external-tensor';
import { type Refuse, shown } from '../refusal';
import { Constant } from './constant';
import type { Layer } from './layer';
import type { OnnxNode } from './model';

/** A value that depends on the images. */
export interface Computed {
  readonly layer: Layer<Constant>;
  /** With the batch, as the file has it. */
  readonly shape: readonly number[];
  /** The colours are the last axis: the images themselves, where a file takes them so. */
  readonly channelsLast?: boolean;
}

export type Value = Computed | Constant;

export const isConstant = (value: Value | undefined): value is Constant => value instanceof Constant;

/** One node's inputs and attributes, whose reading says what is not as it should be. */
export class NodeReader {
  private readonly unread: Set<string>;
  /** Its name in messages. */
  readonly at: string;

  constructor(
    readonly node: OnnxNode,
    /** undefined: left out. */
    readonly inputs: readonly (Value | undefined)[],
    /** The number of images. */
    readonly batch: number,
    readonly opset: number,
    readonly fail: Refuse,
  ) {
    this.unread = new Set(node.attributes.keys());
    this.at = `${node.op} ${shown(node.name === '' ? (node.outputs[0] ?? '') : node.name)}`;
  }

  get op(): string {
    return this.node.op;
  }

  /** @param why what is wrong with the node: 'has 3 axes' */
  refuse(why: string): UserError {
    return this.fail(`its ${this.at} ${why}`);
  }

  number(name: string, missing: number): number {
    const value = this.read(name);
    if (value === undefined) return missing;
    if (typeof value !== 'number' || Number.isNaN(value)) throw this.refuse(`has no number as ${name}`);
    return value;
  }

  /** A whole number that is 0 or 1. */
  flag(name: string, missing: boolean): boolean {
    const value = this.number(name, missing ? 1 : 0);
    if (value !== 0 && value !== 1) throw this.refuse(`has ${name} ${value}, which is neither 0 nor 1`);
    return value === 1;
  }

  numbers(name: string): readonly number[] | undefined {
    const value = this.read(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every(Number.isFinite)) throw this.refuse(`has no list of numbers as ${name}`);
    return value as number[];
  }

  /** One whole number from `least` on for each of two axes. */
  pair(name: string, missing: readonly number[] | undefined, least: number): readonly number[] {
    const pair = this.numbers(name) ?? missing;
    if (pair?.length !== 2 || !pair.every((size) => Number.isInteger(size) && size >= least && size < 1e6)) {
      throw this.refuse(`has ${name} ${shown(String(pair))}, which must be two whole numbers from ${least} on`);
    }
    return pair;
  }

  string(name: string, missing: string): string {
    const value = this.read(name);
    if (value !== undefined && typeof value !== 'string') throw this.refuse(`has no text as ${name}`);
    return value ?? missing;
  }

  constantAttribute(name: string): Constant | undefined {
    const value = this.read(name);
    if (value === undefined) return undefined;
    if (typeof value === 'number') return Constant.numbers([value], Number.isInteger(value), []);
    if (Array.isArray(value)) return Constant.numbers(value as number[], value.every(Number.isInteger));
    if (isExternalTensor(value)) return Constant.of(value, this.node.outputs[0] ?? '');
    throw this.refuse(`has no number as ${name}`);
  }

  /** An attribute that changes nothing here. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.unread.delete(name);
  }

  /** @throws UserError when an attribute is left that nobody has read */
  finish(): void {
    const [name] = this.unread;
    if (name !== undefined) throw this.refuse(`has the attribute ${shown(name)}, which is unknown here`);
  }

  /** The input that depends on the images. */
  computed(index = 0): Computed {
    const value = this.inputs[index];
    if (!value || isConstant(value)) throw this.refuse(`does not get what is computed of the images as input ${index}`);
    return value;
  }

  /** A stored input. @throws UserError when it is left out or depends on the images */
  constant(index: number, what: string): Constant {
    const value = this.optional(index, what);
    if (!value) throw this.refuse(`has no ${what}`);
    return value;
  }

  /** A stored input that may be left out. */
  optional(index: number, what: string): Constant | undefined {
    const value = this.inputs[index];
    if (value && !isConstant(value)) throw this.refuse(`has a ${what} that is not stored in the file but computed`);
    return value;
  }

  /** Whole numbers that are an attribute in older opsets and an input in newer ones. */
  axes(name: string, index: number): readonly number[] | undefined {
    return this.numbers(name) ?? this.optional(index, name)?.list();
  }

  /** @returns `axis`, counted from the front. */
  axis(axis: number, rank: number): number {
    const own = axis < 0 ? axis + rank : axis;
    if (!Number.isInteger(own) || own < 0 || own >= rank) throw this.refuse(`has the axis ${axis} of ${rank} axes`);
    return own;
  }

  private read(name: string): unknown {
    this.unread.delete(name);
    return this.node.attributes.get(name);
  }

  /** The shape of an Unsqueeze's result: sizes of 1 at its axes. */
  unsqueezed(shape: readonly number[]): number[] {
    const given = this.axes('axes', 1) ?? [];
    const rank = shape.length + given.length;
    const axes = new Set(given.map((axis) => this.axis(axis, rank)));
    const rest = [...shape];
    return Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : (rest.shift() ?? 1)));
  }
}
