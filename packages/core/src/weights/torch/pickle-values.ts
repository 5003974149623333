/** The values in pickles, besides numbers, strings, Buffers, arrays (lists), Maps (dicts) and Sets. */
import type { UserError } from '../../system/user-error';

/** The reader, for a global's replacement. */
export interface PickleContext {
  /** Counts work beyond one operation (copied items) against the limit. */
  spend(operations: number): void;
  /** Counts copied bytes against the pickle's size. */
  copy(bytes: number): void;
  refuse(why: string): UserError;
}

export class Tuple {
  constructor(readonly items: readonly unknown[]) {}
}

/** Replaces the call of a global. */
export type Make = (args: readonly unknown[], context: PickleContext) => unknown;

/**
 * The globals that a pickle may name, by `module.name`. A function replaces its calls; 'record' keeps a call's arguments;
 * 'name' may be named but not called.
 */
export type PickleGlobals = ReadonlyMap<string, Make | 'record' | 'name'>;

/** A global that a pickle has named. */
export class PickleGlobal {
  constructor(
    readonly name: string,
    readonly does: Make | 'record' | 'name',
  ) {}
}

/** An object whose state a pickle sets after making it. */
export abstract class Stateful {
  abstract setState(state: unknown, context: PickleContext): void;
}

/** An object of an unknown class: its arguments and state. */
export class PickleRecord extends Stateful {
  state: unknown;

  constructor(
    readonly type: string,
    readonly args: readonly unknown[],
  ) {
    super();
  }

  setState(state: unknown): void {
    this.state = state;
  }
}

/** The items of a list or a tuple; undefined for other values. */
export function itemsOf(value: unknown): readonly unknown[] | undefined {
  if (value instanceof Tuple) return value.items;
  return Array.isArray(value) ? value : undefined;
}
