/**
 * A machine for Python's pickles (Lib/pickletools.py; protocols 0 to 5) that runs nothing: what a pickle may name is
 * listed by whoever reads it, with functions of our own that stand for it. Everything else is refused when it is named.
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
  /** What the file is, in the refusal of other globals: 'a state dict'. */
  readonly content: string;
  /** Finds what the pickle leaves outside itself (PyTorch's storages); without it, that is refused. */
  readonly persistent?: (id: unknown, context: PickleContext) => unknown;
  /** Each operation may make an object many times its byte's size, so they are counted; a million unless told. */
  readonly operations?: number;
  /** Python 2's strings of this many bytes and more are given as bytes, not as Latin-1 text; default: none. */
  readonly bytesFrom?: number;
}

// Python 2's names, and NumPy 2's, of what is listed by its other name.
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
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) throw this.refuse('its pickle takes what is not there');
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
    if (mark === undefined) throw this.refuse('its pickle goes back to a mark that is not there');
    return this.stack.splice(mark);
  }

  /** POP takes a mark where nothing is above it. */
  popOrUnmark(): void {
    if (this.marks.at(-1) === this.stack.length) this.marks.pop();
    else this.pop();
  }

  recall(index: number): void {
    if (!this.memo.has(index)) throw this.refuse('its pickle recalls what it never kept');
    this.push(this.memo.get(index));
  }

  /** @throws UserError that names a global that is not listed. */
  global(module: string, name: string): PickleGlobal {
    const full = otherNames.reduce((text, [other, ours]) => text.replace(other, ours), `${module}.${name}`);
    const does = this.rules.globals.get(full);
    if (does === undefined) {
      throw this.refuse(`it holds ${shown(full)}, which is not part of ${this.rules.content}: refused, and not run`);
    }
    return new PickleGlobal(full, does);
  }

  /** What calling `callee` stands for. */
  call(callee: unknown, args: readonly unknown[] | undefined): void {
    if (!(callee instanceof PickleGlobal) || callee.does === 'name' || !args) {
      throw this.refuse('its pickle calls what cannot be called');
    }
    this.push(callee.does === 'record' ? new PickleRecord(callee.name, args) : callee.does(args, this));
  }

  /** Gives the object on top its state. */
  build(): void {
    const state = this.pop();
    const target = this.top();
    if (target instanceof Stateful) target.setState(state, this);
    // A state dict's own attributes (`_metadata`) say nothing of its tensors.
    else if (!(target instanceof Map)) throw this.refuse('its pickle gives a state to what has none');
  }

  append(values: readonly unknown[]): void {
    const target = this.top();
    if (Array.isArray(target)) for (const value of values) target.push(value);
    else if (target instanceof Set) for (const value of values) target.add(value);
    else throw this.refuse('its pickle appends to what is no list');
  }

  /** @param flat keys and values in turn */
  setItems(flat: readonly unknown[]): void {
    const target = this.top();
    if (!(target instanceof Map) || flat.length % 2 !== 0)
      throw this.refuse('its pickle sets items of what is no dict');
    for (let i = 0; i < flat.length; i += 2) target.set(flat[i], flat[i + 1]);
  }

  persistent(id: unknown): void {
    if (!this.rules.persistent) throw this.refuse('its pickle refers to something outside itself');
    this.push(this.rules.persistent(id, this));
  }

  /** The arguments of a call that must be a tuple. */
  popArguments(): readonly unknown[] | undefined {
    const args = this.pop();
    return args instanceof Tuple ? itemsOf(args) : undefined;
  }
}
