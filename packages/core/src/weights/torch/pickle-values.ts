/** What pickles hold beside numbers, strings, Buffers, arrays (lists), Maps (dicts) and Sets. */
import type { UserError } from '../../system/user-error';

/** What a global's stand-in may ask of the machine that runs it. */
export interface PickleContext {
  /** Counts work beyond one operation (items copied) against the machine's limit. */
  spend(operations: number): void;
  /** Counts bytes that are copied against the pickle's own size. */
  copy(bytes: number): void;
  refuse(why: string): UserError;
}

export class Tuple {
  constructor(readonly items: readonly unknown[]) {}
}

/** Makes what a call of a global with these arguments stands for. */
export type Make = (args: readonly unknown[], context: PickleContext) => unknown;

/**
 * Globals that a pickle may name, by `module.name`; any other is refused. A function stands for it where it is called;
 * 'record' keeps what it was called with and knows nothing of it; 'name' may be named and not called.
 */
export type PickleGlobals = ReadonlyMap<string, Make | 'record' | 'name'>;

/** A global that a pickle has named. */
export class PickleGlobal {
  constructor(
    readonly name: string,
    readonly does: Make | 'record' | 'name',
  ) {}
}

/** An object that a pickle gives its state after it is made. */
export abstract class Stateful {
  abstract setState(state: unknown, context: PickleContext): void;
}

/** An object of which nothing is known but what it was made of. */
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

/** The items of a list or a tuple; undefined for all else. */
export function itemsOf(value: unknown): readonly unknown[] | undefined {
  if (value instanceof Tuple) return value.items;
  return Array.isArray(value) ? value : undefined;
}
