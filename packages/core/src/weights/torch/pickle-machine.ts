/**
 * The state of a pickle reader (Lib/pickletools.py; protocols 0 to 5) that runs no code of the pickle. Callers list the globals
 * that a pickle may name, each with a replacement; every other global is refused.
 */
import type { UserError } from '../../system/user-error';
import type { Cursor } from '../cursor';
import { shown } from '../refusal';
import {
  itemsOf,
  type PickleContext,
  PickleGlobal,
  type PickleGlobals,
  PickleRecord,
  Stateful,
  Tuple,
} from './pickle-values';

export interface PickleRules {
  readonly globals: PickleGlobals;
  /** The kind of file, for the refusal of other globals: 'a state dict'. */
  readonly content: string;
  /** Finds objects outside the pickle (PyTorch's storages); default: they are refused. */
  readonly persistent?: (id: unknown, context: PickleContext) => unknown;
  /** The most operations, because each may make an object of many times its size; default: a million. */
  readonly operations?: number;
  /** Python 2's strings of this many bytes and more become bytes instead of Latin-1 text; default: none. */
  readonly bytesFrom?: number;
}

// Names of Python 2 and NumPy 2, and the names that lists use.
const otherNames: readonly (readonly [RegExp, string])[] = [
  [/^__builtin__\./, 'builtins.'],
  [/^copy_reg\./, 'copyreg.'],
  [/^numpy\._core\./, 'numpy.core.'],
];

export class PickleMachine implements PickleContext {
  readonly memo = new Map<number, unknown>();
  private readonly stack: unknown[] = [];
  private readonly marks: number[] = [];
  private operationsLeft: number;
  private bytesLeft: number;

  constructor(
    readonly input: Cursor,
    readonly rules: PickleRules,
  ) {
    this.operationsLeft = rules.operations ?? 1_000_000;
    this.bytesLeft = input.bytes.length + (1 << 16);
  }

  refuse(why: string): UserError {
    return this.input.refuse(why);
  }

  spend(operations: number): void {
    this.operationsLeft -= operations;
    if (this.operationsLeft < 0) throw this.refuse('its pickle takes more operations than any such file needs');
  }

  copy(bytes: number): void {
    this.bytesLeft -= bytes;
    if (this.bytesLeft < 0) throw this.refuse('its pickle copies more bytes than it has');
  }

  push(value: unknown): void {
    this.stack.push(value);
  }

  pop(): unknown {
    if (this.stack.length <= (this.marks.at(-1) ?? 0))
      throw this.refuse('its pickle takes a value from an empty stack');
    return this.stack.pop();
  }

  /** Without taking it. */
  top(): unknown {
    const value = this.pop();
    this.stack.push(value);
    return value;
  }

  mark(): void {
    this.marks.push(this.stack.length);
  }

  popToMark(): unknown[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw this.refuse('its pickle goes back to a mark that does not exist');
    return this.stack.splice(mark);
  }

  /** POP removes a mark that has nothing above it. */
  popOrUnmark(): void {
    if (this.marks.at(-1) === this.stack.length) this.marks.pop();
    else this.pop();
  }

  recall(index: number): void {
    if (!this.memo.has(index)) throw this.refuse('its pickle recalls a value that it never stored');
    this.push(this.memo.get(index));
  }

  /** @throws UserError for a global that is not listed */
  global(module: string, name: string): PickleGlobal {
    const full = otherNames.reduce((text, [other, ours]) => text.replace(other, ours), `${module}.${name}`);
    const does = this.rules.globals.get(full);
    if (does === undefined) {
      throw this.refuse(`it holds ${shown(full)}, which is not part of ${this.rules.content}: refused, and not run`);
    }
    return new PickleGlobal(full, does);
  }

  /** Calls the replacement of a global. */
  call(callee: unknown, args: readonly unknown[] | undefined): void {
    if (!(callee instanceof PickleGlobal) || callee.does === 'name' || !args) {
      throw this.refuse('its pickle makes an invalid call');
    }
    this.push(callee.does === 'record' ? new PickleRecord(callee.name, args) : callee.does(args, this));
  }

  /** Sets the state of the object on top. */
  build(): void {
    const state = this.pop();
    const target = this.top();
    if (target instanceof Stateful) target.setState(state, this);
    // A state dict's attributes (`_metadata`) are ignored.
    else if (!(target instanceof Map)) throw this.refuse('its pickle sets the state of an object that has none');
  }

  append(values: readonly unknown[]): void {
    const target = this.top();
    if (Array.isArray(target)) for (const value of values) target.push(value);
    else if (target instanceof Set) for (const value of values) target.add(value);
    else throw this.refuse('its pickle appends to something that is not a list');
  }

  /** @param flat keys and values in turn */
  setItems(flat: readonly unknown[]): void {
    const target = this.top();
    if (!(target instanceof Map) || flat.length % 2 !== 0)
      throw this.refuse('its pickle sets items of something that is not a dict');
    for (let i = 0; i < flat.length; i += 2) target.set(flat[i], flat[i + 1]);
  }

  persistent(id: unknown): void {
    if (!this.rules.persistent) throw this.refuse('its pickle refers to something outside itself');
    this.push(this.rules.persistent(id, this));
  }

  /** A call's arguments, which must be a tuple. */
  popArguments(): readonly unknown[] | undefined {
    const args = this.pop();
    return args instanceof Tuple ? itemsOf(args) : undefined;
  }
}
