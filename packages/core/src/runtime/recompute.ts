/**
 * Gradient checkpointing: the intermediate results of a part of a network are not kept for the gradient but computed again
 * when it arrives (Chen et al., Training deep nets with sublinear memory cost, arXiv 1604.06174). It trades time for memory.
 */

import { after } from './compile/trace';
import { repeatForward } from './slice-statistics';
import { type Tensor, tf, type Variable } from './tensorflow';
import { withGradient } from './with-gradient';

/** tfjs's record of an operation while it records for gradients. */
interface TapeNode {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: readonly Tensor[];
  readonly saved: readonly Tensor[];
}

/** The parts of tfjs's engine that compute gradients. */
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
 * `body` with the same values and gradients, for its input and the trainable variables that it reads, but it keeps only its
 * input. Its assignments to variables (running statistics) happen once.
 * @throws Error when `body` uses another computed tensor, which would be gone when the gradient arrives
 */
export function recompute<X extends Tensor, Y extends Tensor>(body: (x: X) => Y): (x: X) => Y {
  return (x) => {
    if (engine().state.gradientDepth === 0) return body(x);
    const outer = engine().state.activeTape ?? [];
    const assignments = new Map<Variable, Tensor>();
    const { y, tape } = watched(assignments, () => recorded(() => body(x)));
    const variables = reached(x, y, tape, outer);
    const assigned = [...assignments.keys()];
    const result = withGradient<readonly Tensor[], Y, readonly [X, ...Tensor[]]>(
      [x, ...variables],
      () => ({ value: y, saved: [x, ...assignments.values()] }),
      (dy, input, ...before) => {
        const again = after(dy, input) as X;
        const by = [again, ...variables];
        const grads = withValues(assigned, before, () => gradients(() => repeatForward(() => body(again)), by, dy));
        return grads.map((gradient, i) => gradient ?? tf.zerosLike(by[i] as Tensor));
      },
    );
    tf.dispose([...assignments.values()]);
    return result;
  };
}

/** Runs `body` on a separate tape and frees the tensors that this saved. */
function recorded<Y extends Tensor>(body: () => Y): { y: Y; tape: readonly TapeNode[] } {
  const { state } = engine();
  const outer = state.activeTape;
  const tape: TapeNode[] = [];
  state.activeTape = tape;
  try {
    // A copy, in case the output is the input or a variable itself.
    return { y: tf.tidy(() => tf.clone(body())), tape };
  } finally {
    state.activeTape = outer;
    for (const { saved } of tape) tf.dispose([...saved]);
  }
}

/** Gradients inside a gradient's function; the outer tape does not change. */
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

/** The trainable variables that `y` depends on. */
function reached(x: Tensor, y: Tensor, tape: readonly TapeNode[], outer: readonly TapeNode[]): Variable[] {
  const needed = new Set([y.id]);
  const made = new Set(tape.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
  const outside = new Set(outer.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
  const variables = new Set<Variable>();
  for (const { inputs, outputs } of tape.toReversed()) {
    if (!outputs.some(({ id }) => needed.has(id))) continue;
    for (const input of Object.values(inputs)) {
      needed.add(input.id);
      if (input instanceof tf.Variable) {
        if (input.trainable) variables.add(input);
      } else if (input !== x && !made.has(input.id) && outside.has(input.id)) {
        throw new Error(
          `A recomputed block uses a tensor [${input.shape}] that was computed before it; it may only use its input, variables and constants.`,
        );
      }
    }
  }
  return [...variables];
}

/** Runs `body` and records in `before` the earlier value of each variable that it assigns. */
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

/** Runs `body` with the variables set to `values`, and restores them. */
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
