/**
 * State that forward passes change: running statistics and memories. A step of one slice changes it at once. In a step of
 * several slices nothing moves before the step's end: each slice hands in what it contributes, which depends on the state at
 * the step's start and on the slice alone, so that neither the order of the slices nor the process that computes one matters.
 */
import { withRows } from './ops/rows';
import { type Tensor, type Tensor1D, type Tensor2D, tf, type Variable } from './tensorflow';

/** What one slice contributes, by variable. */
export interface SliceStatistics {
  /** Of running statistics, which become (1 - share) running + share s: the slice's share s. */
  readonly running: ReadonlyMap<Variable, { readonly share: number; readonly part: Tensor }>;
  /** New values, of which the first slice's counts. */
  readonly first: ReadonlyMap<Variable, Tensor>;
  /** Rows of tables, [k, d], one for each of the slice's images, and the images' indices, which are the step's own tensor. */
  readonly rows: ReadonlyMap<Variable, { readonly indices: Tensor; readonly rows: Tensor }>;
}

class Collector implements SliceStatistics {
  readonly running = new Map<Variable, { readonly share: number; readonly part: Tensor }>();
  readonly first = new Map<Variable, Tensor>();
  readonly rows = new Map<Variable, { readonly indices: Tensor; readonly rows: Tensor }>();

  /** A copy that outlives the scope of the forward pass. */
  keep(variable: Variable, value: Tensor): Tensor {
    if (this.running.has(variable) || this.first.has(variable) || this.rows.has(variable)) {
      throw new Error(
        `A forward pass changes ${variable.name} twice; in a step of several slices it may change it once.`,
      );
    }
    return tf.keep(tf.clone(value));
  }

  /** The copies, as tensors of the present scope. */
  released(): SliceStatistics {
    const release = (kept: Tensor): Tensor => {
      const own = tf.clone(kept);
      kept.dispose();
      return own;
    };
    const map = <V, W>(values: ReadonlyMap<Variable, V>, to: (value: V) => W) =>
      new Map([...values].map(([variable, value]) => [variable, to(value)]));
    return {
      running: map(this.running, ({ share, part }) => ({ share, part: release(part) })),
      first: map(this.first, release),
      rows: map(this.rows, ({ indices, rows }) => ({ indices, rows: release(rows) })),
    };
  }

  dispose(): void {
    for (const { part } of this.running.values()) part.dispose();
    for (const value of this.first.values()) value.dispose();
    for (const { rows } of this.rows.values()) rows.dispose();
  }
}

let collector: Collector | undefined;

function collecting<R>(into: Collector, body: () => R): R {
  const outer = collector;
  collector = into;
  try {
    return body();
  } catch (error) {
    into.dispose();
    throw error;
  } finally {
    collector = outer;
  }
}

/** Runs a slice's passes, which change no statistic but hand in what they contribute. */
export function collectStatistics<R>(body: () => R): { readonly result: R; readonly statistics: SliceStatistics } {
  const own = new Collector();
  const result = collecting(own, body);
  return { result, statistics: own.released() };
}

/** Runs a forward pass for the second time: its contributions count once. */
export function repeatForward<R>(body: () => R): R {
  if (!collector) return body();
  const unused = new Collector();
  const result = collecting(unused, body);
  unused.dispose();
  return result;
}

/** Where a running statistic starts from: its value, or 0 in a slice, so that (1 - share) start + share s is `share s`. */
export const runningStart = (variable: Variable): Tensor => (collector ? tf.zerosLike<Tensor>(variable) : variable);

/** Moves a running statistic to `moved`, which is (1 - share) start + share s from its `runningStart`. */
export function moveRunning(variable: Variable, share: number, moved: Tensor): void {
  if (collector) collector.running.set(variable, { share, part: collector.keep(variable, moved) });
  else variable.assign(tf.clone(moved));
}

/** Sets a statistic; of several slices in a step, the first one's value counts. */
export function setFirst(variable: Variable, value: Tensor): void {
  if (collector) collector.first.set(variable, collector.keep(variable, value));
  else variable.assign(tf.clone(value));
}

/**
 * Replaces the rows of a table [n, d] that belong to the step's images.
 * @param indices of the images, int32 [k]: `StepContext.indices` itself
 * @param rows [k, d]
 */
export function writeRows(table: Variable, indices: Tensor1D, rows: Tensor2D): void {
  if (collector) collector.rows.set(table, { indices, rows: collector.keep(table, rows) });
  else table.assign(withRows(table as Tensor, indices, rows));
}
