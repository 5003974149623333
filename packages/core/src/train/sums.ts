/**
 * What the slices of a step come to. Gradients and running statistics are sums over slices, kept as pairs of float32 (the
 * sum, and what rounding took from it) in a few flat vectors, and rounded once at the step's end. Losses, memories' rows and
 * values of the first slice have a place for each slice. Between steps all of it is zero, so checkpoints need none of it.
 */
import type { InputSpecs, StepInputs } from '../runtime/compile/step-inputs';
import { type TwoFloats, twoSum } from '../runtime/ops/collective';
import { gatherRows, withRows } from '../runtime/ops/rows';
import type { SliceStatistics } from '../runtime/slice-statistics';
import type { State, StateVariable } from '../runtime/state';
import { type Tensor, type Tensor1D, type Tensor2D, tf, type Variable } from '../runtime/tensorflow';
import { declareHeldSums } from './held-sums';
import type { Gradients } from './optimiser/gradients';
import { runningWeights } from './slices';

/** How the sums of several processes become one; called while the step's last function is recorded. */
export interface Reduction<I extends InputSpecs = InputSpecs> {
  /** Inputs of the step's last function besides its own, such as the group of processes. */
  readonly inputs: I;
  /** The inputs' values for the next step. */
  values(): Readonly<Record<keyof I & string, Int32Array | Float32Array>>;
  /** For each pair of float32 [n] the sum of hi + lo over all processes, rounded to float32 once. */
  sum(pairs: readonly TwoFloats[], inputs: StepInputs<I>): readonly Tensor[];
  /** The sum over all processes of a float32 vector of which each element is 0 in all of them but one. */
  merge(own: Tensor, inputs: StepInputs<I>): Tensor;
}

export interface SumsOptions {
  /**
   * The variables that gradients move, in the order of the forward pass. Those of which a process holds a part get the sum of
   * this process's gradients alone.
   */
  readonly learned: readonly StateVariable[];
  /** Whether this process computes several slices; default: true. */
  readonly gathers?: boolean;
  /** How many rows of a learned variable [n, d] a step samples, by name; others learn as a whole. */
  readonly sampled?: ReadonlyMap<string, number>;
  /** Statistics that forward passes may change; see `StateVariable.merge`. */
  readonly statistics: readonly StateVariable[];
  readonly slices: number;
  /** Images in a slice. */
  readonly images: number;
  /** Prefix of the sums' names in the state. */
  readonly root: string;
  /** Flat vectors of about this size, the last ones smaller; it changes no bit. Default: 2 MiB, or a 16th of all. */
  readonly bucketBytes?: number;
}

/** What one slice computed. */
export interface Slice {
  /** int32 [] */
  readonly number: Tensor;
  readonly gradients: Gradients;
  readonly statistics: SliceStatistics;
  /** The images' indices, int32 [images]. */
  readonly indices: Tensor;
}

export interface Totals {
  /** Sums over all slices, by the variable's name. */
  readonly gradients: ReadonlyMap<string, Tensor>;
  /** The loss and its terms, [slices] each. */
  readonly reports: Readonly<Record<string, Tensor>>;
}

export interface SliceSums {
  /** Adds a slice. */
  add(slice: Slice): void;
  /**
   * Adds the process's last slice, moves the statistics, and begins anew.
   * @param indices of all images of the batch, int32 [slices x images]
   * @param reduce sums of several processes; absent: this one has all slices
   */
  finish(slice: Slice, indices: Tensor1D, reduce?: Pick<Reduced, 'sum' | 'merge'>): Totals;
  /** Zeroes the sums, after a step that was cut short. */
  clear(): void;
}

/** A reduction with its inputs. */
export interface Reduced {
  sum(pairs: readonly TwoFloats[]): readonly Tensor[];
  merge(own: Tensor): Tensor;
}

const prefix = 'slices/';

/** Whether a variable belongs to the sums of slices, which are zero between steps and need no checkpoint. */
export const isSliceSum = ({ name }: StateVariable): boolean => new RegExp(`^(\\w+/)?${prefix}`).test(name);

/** The most terms that a loss may have in a step of several slices, its total included. */
const mostTerms = 32;
const mostLargeBuckets = 16;

interface Part {
  readonly name: string;
  readonly shape: readonly number[];
  readonly size: number;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** Declares the sums' variables in a state. */
export function declareSums(state: State, options: SumsOptions): SliceSums {
  const { learned: all, sampled, statistics, slices, images, root, gathers = true, bucketBytes = 2 ** 21 } = options;
  const learned = all.filter(({ part }) => !part);
  const zeros = (name: string, shape: readonly number[]) =>
    state.declare(`${root}${prefix}${name}`, 'slot', shape, new Float32Array(sizeOf(shape)));
  const merged = (merge: StateVariable['merge']) => statistics.filter((entry) => entry.merge === merge);
  const running = merged('running');
  const places = [...merged('first'), ...merged('rows')];
  const byVariable = new Map(statistics.map((entry) => [entry.variable, entry]));

  const buckets = bucketsOf(
    [
      ...running.map(({ name, shape }) => ({ name, shape, size: sizeOf(shape) })),
      // The backward pass has the last layers' gradients first.
      ...learned.toReversed().map(({ name, shape: whole }): Part => {
        const rows = sampled?.get(name);
        const shape = rows === undefined ? whole : [rows, ...whole.slice(1)];
        return { name, shape, size: sizeOf(shape) };
      }),
    ],
    bucketBytes,
  ).map((parts, i) => {
    const size = sum(parts.map((part) => part.size));
    return { parts, hi: zeros(`hi/${i}`, [size]), lo: zeros(`lo/${i}`, [size]) };
  });
  const widthOf = ({ merge, shape }: StateVariable): number =>
    merge === 'rows' ? images * sizeOf(shape.slice(1)) : sizeOf(shape);
  const held = declareHeldSums(
    state,
    all.filter(({ part }) => part),
    { root: `${root}${prefix}held/`, gathers },
  );
  const own = zeros('own', [slices, mostTerms + sum(places.map(widthOf))]);

  /** The pairs, and each slice's own values, with one more slice. */
  function withSlice(slice: Slice) {
    checkDeclared(slice.statistics, byVariable);
    const weight = weightsAt(slice.number, slices);
    const { gradients } = slice.gradients;
    const parts = new Map([
      ...gradients,
      ...running.flatMap(({ name, variable }): [string, Tensor][] => {
        const found = slice.statistics.running.get(variable);
        return found ? [[name, tf.mul(found.part, weight(found.share))]] : [];
      }),
    ]);
    const pairs = buckets.map(({ parts: layout, ...sum }) =>
      twoSum(sum, flat(layout.map((part) => [parts.get(part.name), part.size]))),
    );
    return { pairs, own: tf.add(own, placed(slice)) as Tensor2D, reached: new Set(parts.keys()) };
  }

  /** A slice's own values in its row, [slices, width]; 0 elsewhere. */
  function placed({ number, gradients: { values }, statistics: given, indices }: Slice): Tensor {
    const terms = Object.values(values);
    if (terms.length > mostTerms)
      throw new Error(`A loss may have at most ${mostTerms - 1} terms with --accumulate, got ${terms.length - 1}.`);
    const row = flat([
      [tf.stack(terms), terms.length],
      [undefined, mostTerms - terms.length],
      ...places.map((entry): [Tensor | undefined, number] => {
        const rows = given.rows.get(entry.variable);
        if (rows && rows.indices !== indices)
          throw new Error(`${entry.name}: with --accumulate, rows can be written at the images' indices only.`);
        return [rows?.rows ?? given.first.get(entry.variable), widthOf(entry)];
      }),
    ]);
    const numbers = tf.tensor2d(
      Int32Array.from({ length: slices }, (_, i) => i),
      [slices, 1],
      'int32',
    );
    return tf.where(tf.equal(numbers, number), tf.reshape(row, [1, -1]), tf.zerosLike<Tensor>(own));
  }

  function moveStatistics(
    given: SliceStatistics,
    totals: ReadonlyMap<string, Tensor>,
    all: Tensor2D,
    indices: Tensor1D,
  ) {
    for (const { name, variable } of running) {
      const found = given.running.get(variable);
      if (!found) continue;
      const kept = tf.mul(variable, (1 - found.share) ** slices);
      variable.assign(tf.add(kept, totals.get(name) as Tensor));
    }
    let at = mostTerms;
    for (const entry of places) {
      const { variable, shape } = entry;
      const width = widthOf(entry);
      if (given.first.has(variable)) variable.assign(tf.reshape(tf.slice(all, [0, at], [1, width]), [...shape]));
      if (given.rows.has(variable)) {
        const rows = tf.reshape(tf.slice(all, [0, at], [slices, width]), [slices * images, ...shape.slice(1)]);
        variable.assign(withRows(variable as Tensor, indices, rows as Tensor2D));
      }
      at += width;
    }
  }

  function clear(): void {
    held.clear();
    for (const { hi, lo } of buckets) for (const one of [hi, lo]) one.assign(tf.zerosLike(one));
    own.assign(tf.zerosLike(own));
  }

  return {
    add(slice) {
      tf.tidy(() => {
        const { pairs, own: all } = withSlice(slice);
        for (const [i, { hi, lo }] of buckets.entries()) {
          hi.assign((pairs[i] as TwoFloats).hi);
          lo.assign((pairs[i] as TwoFloats).lo);
        }
        own.assign(all);
        held.add(slice.gradients);
      });
    },
    finish(slice, indices, reduce) {
      const { pairs, own: mine, reached } = withSlice(slice);
      // `hi` is the pair's sum, rounded once.
      const sums = reduce ? reduce.sum(pairs) : pairs.map(({ hi }) => hi);
      const all = reduce ? (tf.reshape(reduce.merge(tf.reshape(mine, [-1])), mine.shape) as Tensor2D) : mine;
      const totals = new Map<string, Tensor>();
      for (const [i, { parts }] of buckets.entries()) {
        let at = 0;
        for (const { name, shape, size } of parts) {
          if (reached.has(name)) totals.set(name, tf.reshape(tf.slice(sums[i] as Tensor, [at], [size]), [...shape]));
          at += size;
        }
      }
      for (const [name, sum] of held.totals(slice.gradients)) totals.set(name, sum);
      moveStatistics(slice.statistics, totals, all, indices);
      clear();
      const names = Object.keys(slice.gradients.values);
      const column = (i: number): Tensor => tf.reshape(tf.slice(all, [0, i], [slices, 1]), [slices]);
      return {
        // In the order of the variables.
        gradients: new Map([...slice.gradients.gradients.keys()].map((name) => [name, totals.get(name) as Tensor])),
        reports: Object.fromEntries(names.map((name, i) => [name, column(i)])),
      };
    },
    clear: () => tf.tidy(clear),
  };
}

/** Parts in order, in vectors of about `bytes`, or a 16th of all; the last ones are smaller. */
function bucketsOf(parts: readonly Part[], bytes: number): readonly (readonly Part[])[] {
  const floats = (size: number): number => size / Float32Array.BYTES_PER_ELEMENT;
  let left = sum(parts.map(({ size }) => size));
  const largest = Math.max(floats(bytes), left / mostLargeBuckets);
  const smallest = Math.min(floats(bytes), floats(2 ** 16));
  const buckets: Part[][] = [];
  let room = 0;
  for (const part of parts) {
    if (room <= 0) {
      buckets.push([]);
      // About half of what is left, so that the sum which begins last, after the backward pass, is short.
      room = Math.max(smallest, Math.min(largest, left / 2));
    }
    buckets.at(-1)?.push(part);
    room -= part.size;
    left -= part.size;
  }
  return buckets;
}

/** One vector of all parts; zeros for absent ones. */
function flat(parts: readonly (readonly [Tensor | undefined, number])[]): Tensor {
  const vectors = parts
    .filter(([, size]) => size > 0)
    .map(([part, size]) => (part ? tf.reshape(part, [size]) : tf.fill([size], 0)));
  return vectors.length === 1 ? (vectors[0] as Tensor) : tf.concat(vectors);
}

/** A slice's weight in running statistics that move by a share; see `runningWeights`. */
function weightsAt(number: Tensor, slices: number): (share: number) => Tensor {
  const known = new Map<number, Tensor>();
  return (share) => {
    const weight = known.get(share) ?? gatherRows(tf.tensor1d(runningWeights(share, slices)), number);
    known.set(share, weight);
    return weight;
  };
}

/** @throws Error for a statistic that is not declared as one that slices may change so */
function checkDeclared({ running, first, rows }: SliceStatistics, known: ReadonlyMap<Variable, StateVariable>): void {
  for (const [merge, given] of Object.entries({ running, first, rows })) {
    for (const variable of given.keys()) {
      if (known.get(variable)?.merge === merge) continue;
      throw new Error(
        `A forward pass changes ${variable.name}, which is not declared as a statistic of the kind ${merge}.`,
      );
    }
  }
}
