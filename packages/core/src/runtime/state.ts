import { UserError } from '../system/user-error';
import { backend, DType, handleOf } from './binding';
import { columnsOf, type GivenValues, isStored } from './stored-values';
import { type Tensor, tf, type Variable } from './tensorflow';

/**
 * trainable: a weight; statistic: updated by forward passes (batch norm's running mean); slot: the optimiser's (momentum).
 * Only `trainable` variables get gradients; checkpoints of a network contain no slots.
 */
export type StateKind = 'trainable' | 'statistic' | 'slot';

/**
 * How the slices of a step together change a statistic (see slice-statistics.ts). running: it moves a share towards each
 * slice's; first: it becomes the first slice's; rows: each slice writes the rows of its images.
 */
export type SliceMerge = 'running' | 'first' | 'rows';

/** The rows from `from` on, of a table of `of` rows that several processes share. */
export interface TablePart {
  readonly from: number;
  readonly of: number;
}

export interface StateVariable {
  readonly name: string;
  readonly kind: StateKind;
  readonly shape: readonly number[];
  readonly variable: Variable;
  /**
   * A matrix stored as its transpose: `shape` and `variable` are the transpose's, but `State.values` and `State.load` use the
   * matrix, so that files do not depend on the storage.
   */
  readonly transposed?: boolean;
  /** The variable holds some rows of a table: `State.load` takes the whole table and keeps these. Absent: it holds all. */
  readonly part?: TablePart;
  /** Of a statistic; absent: no step changes it. */
  readonly merge?: SliceMerge;
}

export interface NamedValues {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

let states = 0;

/**
 * The variables that steps read and update, by name and in order of creation. Their eager values are tfjs variables; a
 * Program updates its own copies, and `Program.pull` copies them back.
 */
export class State {
  private readonly entries = new Map<string, StateVariable>();
  // tfjs needs variable names that are unique in the process; here they are unique in their state.
  private readonly id = states++;

  /**
   * Declares a float32 variable.
   * @param values absent: zeros
   * @param options transposed: stores the matrix of `shape` and `values` as its transpose; part: see `StateVariable`
   * @throws Error when the name is taken
   */
  declare(
    name: string,
    kind: StateKind,
    shape: readonly number[],
    values: Float32Array | undefined,
    { transposed = false, part, merge }: Pick<StateVariable, 'transposed' | 'part' | 'merge'> = {},
  ): Variable {
    if (this.entries.has(name)) throw new Error(`The state already has a variable named ${name}.`);
    const initial = held({ shape, values: values ?? new Float32Array(shape.reduce((a, b) => a * b, 1)) }, transposed);
    const variable = tf.variable(initial, kind === 'trainable', `state${this.id}/${name}`);
    this.entries.set(name, {
      name,
      kind,
      shape: [...initial.shape],
      variable,
      ...(transposed && { transposed }),
      ...(part && { part }),
      ...(merge && { merge }),
    });
    initial.dispose();
    return variable;
  }

  get(name: string): StateVariable | undefined {
    return this.entries.get(name);
  }

  all(kind?: StateKind): StateVariable[] {
    const every = [...this.entries.values()];
    return kind === undefined ? every : every.filter((entry) => entry.kind === kind);
  }

  /** Copies of the eager values of the wanted variables; of tables, the rows that are here. */
  values(wanted: (variable: StateVariable) => boolean = () => true): Map<string, NamedValues> {
    return new Map(
      this.all()
        .filter(wanted)
        .map((entry) => [entry.name, { shape: turnedShape(entry), values: valuesOf(entry) }]),
    );
  }

  /**
   * Sets the eager values of the wanted variables; stored ones must be of tables of which the state holds parts. Errors name
   * the `source` of the values, and variables without `prefix`.
   * @throws UserError, before anything is set, when `values` lacks a wanted variable, has another one, or a shape differs
   */
  load(
    values: ReadonlyMap<string, GivenValues>,
    source: string,
    wanted: (variable: StateVariable) => boolean = () => true,
    prefix = '',
  ): void {
    const shown = (name: string) => (name.startsWith(prefix) ? name.slice(prefix.length) : name);
    const expected = this.all().filter(wanted);
    const names = new Set(expected.map(({ name }) => name));
    const problems = [
      ...expected.filter(({ name }) => !values.has(name)).map(({ name }) => `it lacks ${shown(name)}`),
      ...[...values.keys()]
        .filter((name) => !names.has(name))
        .map((name) => `it has ${shown(name)}, which the network lacks`),
      ...expected.flatMap((entry) => {
        const { name } = entry;
        const shape = shapeInFiles(entry);
        const given = values.get(name)?.shape;
        return given && given.join() !== shape.join()
          ? [`${shown(name)} is [${given}] there but [${shape}] in the network`]
          : [];
      }),
    ];
    if (problems.length > 0) {
      const more = problems.length > 4 ? `; and ${problems.length - 4} more` : '';
      throw new UserError(
        `${source} does not fit the network: ${problems.slice(0, 4).join('; ')}${more}. Was it made by another architecture, width or number of classes?`,
        1,
      );
    }
    for (const entry of expected) {
      const given = values.get(entry.name);
      if (given) assign(entry.variable, kept(given, entry));
    }
  }

  /** Sets the eager value of one variable to one of `values()`. */
  set(name: string, given: NamedValues): void {
    const entry = this.entries.get(name);
    if (!entry) throw new Error(`The state has no variable named ${name}.`);
    assign(entry.variable, held(given, entry.transposed));
  }

  dispose(): void {
    for (const { variable } of this.entries.values()) variable.dispose();
    this.entries.clear();
  }
}

/** A variable's shape in files: see `StateVariable.transposed` and `StateVariable.part`. */
export const shapeInFiles = ({ shape, transposed, part }: StateVariable): readonly number[] =>
  turnedShape({ shape: part ? [part.of, ...shape.slice(1)] : shape, transposed });

const turnedShape = ({ shape, transposed }: Pick<StateVariable, 'shape' | 'transposed'>): readonly number[] =>
  transposed ? shape.toReversed() : shape;

/** What a variable keeps of a file's values. */
function kept(given: GivenValues, { name, shape, transposed, part }: StateVariable): Tensor {
  // Rows of the variable are columns in files.
  if (part && transposed) return held(columnsOf(given, { from: part.from, count: shape[0] as number }), transposed);
  if (isStored(given)) throw new Error(`${name} is no part of a table.`);
  const whole = held(given, transposed);
  if (!part) return whole;
  const rows = tf.slice(whole, [part.from], [shape[0] as number]);
  whole.dispose();
  return rows;
}

function held({ shape, values }: NamedValues, transposed: boolean | undefined): Tensor {
  const given = tf.tensor(values, [...shape], 'float32');
  if (!transposed) return given;
  const turned = tf.tidy(() => tf.transpose(given));
  given.dispose();
  return turned;
}

function valuesOf({ name, variable, transposed }: StateVariable): Float32Array {
  if (isAbsent(variable)) throw new Error(`A program holds the only copy of ${name}: call pull() before reading it.`);
  if (!transposed) return Float32Array.from(variable.dataSync() as Float32Array);
  const turned = tf.tidy(() => tf.transpose(variable as Tensor));
  const values = turned.dataSync() as Float32Array;
  turned.dispose();
  return values;
}

/** Moves the data of `value` to `variable` and disposes of `value`. */
export function assign(variable: Variable, value: Tensor): void {
  variable.assign(value);
  value.dispose();
  handleOf(variable);
}

// Below all handles of recordings (compile/trace.ts); TensorFlow's own handles are not negative.
let lastAbsent = -(2 ** 40);

/** A tensor of the variable's shape without values: recordings can use it, but nobody can read it. */
export const absentLike = ({ shape }: Variable): Tensor =>
  backend().createOutputTensor({ id: --lastAbsent, shape: [...shape], dtype: DType.float32 });

/** Whether the variable's value is such a tensor. */
export const isAbsent = (variable: Variable): boolean => handleOf(variable) <= -(2 ** 40);
