/**
 * Less memory for more time: what a part of a network computes on the way to its output is not kept for the gradient
 * but computed again when the gradient arrives (Chen et al., Training deep nets with sublinear memory cost, arXiv
 * 1604.06174).
 */

import { after } from './compile/trace';
import { type Tensor, tf, type Variable } from './tensorflow';

/** What tfjs's engine writes down of an operation while gradients are wanted. */
interface TapeNode {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: readonly Tensor[];
  readonly saved: readonly Tensor[];
}

/** The parts of tfjs's engine that gradients are taken with. */
interface Engine {
  readonly state: { activeTape: TapeNode[] | null; gradientDepth: number };
  startTape(): void;
  endTape(): void;
  gradients(
    body: () => Tensor,
    by: readonly Tensor[],
    dy: Tensor,
    allowNone: boolean,
  ): { value: Tensor; grads: readonly (Tensor | undefined)[] };
}

const engine = (): Engine => tf.engine() as unknown as Engine;

/**
 * `body` with the same values and gradients, by its input and by the trainable variables that it reads, which keeps
 * nothing but its input. What it assigns to variables (running statistics) is assigned once.
 * @throws Error when `body` uses another tensor that a gradient may be wanted of: by then it would be gone
 */
export function recompute<X extends Tensor, Y extends Tensor>(body: (x: X) => Y): (x: X) => Y {
  return (x) => {
    if (engine().state.gradientDepth === 0) return body(x);
    const outer = engine().state.activeTape ?? [];
    const assignments = new Map<Variable, Tensor>();
    const { y, tape } = watched(assignments, () => recorded(() => body(x)));
    const variables = reached(x, y, tape, outer);
    const assigned = [...assignments.keys()];
    const run = tf.customGrad((...args) => {
      const save = args.at(-1) as unknown as (saved: Tensor[]) => void;
      save([x, ...assignments.values()]);
      return {
        value: y,
        gradFunc: (dy: Tensor, [input, ...before]: Tensor[]) => {
          const again = after(dy, input as X) as X;
          const by = [again, ...variables];
          const grads = withValues(assigned, before, () => gradients(() => body(again), by, dy));
          return grads.map((gradient, i) => gradient ?? tf.zerosLike(by[i] as Tensor));
        },
      };
    });
    const result = run(x, ...variables) as Y;
    tf.dispose([...assignments.values()]);
    return result;
  };
}

/** Runs `body` on a tape of its own, whose saved tensors are let go. */
function recorded<Y extends Tensor>(body: () => Y): { y: Y; tape: readonly TapeNode[] } {
  const { state } = engine();
  const outer = state.activeTape;
  const tape: TapeNode[] = [];
  state.activeTape = tape;
  try {
    // A copy: the output must not be the input, or a variable, themselves.
    return { y: tf.tidy(() => tf.clone(body())), tape };
  } finally {
    state.activeTape = outer;
    for (const { saved } of tape) tf.dispose([...saved]);
  }
}

/** Gradients within a gradient's function, which leave the tape around it alone. */
function gradients(body: () => Tensor, by: readonly Tensor[], dy: Tensor): readonly (Tensor | undefined)[] {
  const { state } = engine();
  const outer = state.activeTape;
  try {
    const { value, grads } = engine().gradients(body, by, dy, true);
    value.dispose();
    return grads;
  } finally {
    state.activeTape = outer;
  }
}

/** The trainable variables on whose values `y` depends. */
function reached(x: Tensor, y: Tensor, tape: readonly TapeNode[], outer: readonly TapeNode[]): Variable[] {
  const needed = new Set([y.id]);
  const made = new Set(tape.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
  const foreign = new Set(outer.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
  const variables = new Set<Variable>();
  for (const { inputs, outputs } of tape.toReversed()) {
    if (!outputs.some(({ id }) => needed.has(id))) continue;
    for (const input of Object.values(inputs)) {
      needed.add(input.id);
      if (input instanceof tf.Variable) {
        if (input.trainable) variables.add(input);
      } else if (input !== x && !made.has(input.id) && foreign.has(input.id)) {
        throw new Error(
          `What is recomputed uses a tensor [${input.shape}] that was computed before it; it may only use its input, variables and constants.`,
        );
      }
    }
  }
  return [...variables];
}

/** Runs `body` and notes in `before` the value that each variable had which it assigns. */
function watched<R>(before: Map<Variable, Tensor>, body: () => R): R {
  const { prototype } = tf.Variable;
  const { assign } = prototype;
  prototype.assign = function (this: Variable, value) {
    if (!before.has(this)) before.set(this, tf.keep(tf.clone<Tensor>(this)));
    assign.call(this, value);
  };
  try {
    return body();
  } finally {
    prototype.assign = assign;
  }
}

/** Runs `body` with the variables set to `values`, and sets them back to what they were. */
function withValues<R>(variables: readonly Variable[], values: readonly Tensor[], body: () => R): R {
  const current = variables.map((variable) => tf.clone<Tensor>(variable));
  for (const [i, variable] of variables.entries()) variable.assign(values[i] as Tensor);
  try {
    return body();
  } finally {
    for (const [i, variable] of variables.entries()) variable.assign(current[i] as Tensor);
    tf.dispose(current);
  }
}
