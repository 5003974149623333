import { recompute } from '../runtime/recompute';
import type { SliceMerge, State, StateKind, StateVariable, TablePart } from '../runtime/state';
import type { Tensor4D, Variable } from '../runtime/tensorflow';
import { type RandomStream, stream } from '../system/random';

/** The initial values of a variable, from its shape and its own random stream. */
export type Initialiser = (shape: readonly number[], random: RandomStream) => Float32Array;

type Layout = Pick<StateVariable, 'transposed'>;

export interface ScopeOptions {
  /** Blocks keep only their input for the gradient, and are computed again for it: less memory, more time. */
  readonly recompute?: boolean;
  /** Its transposed weights are parts of tables; see `StateVariable.part`. */
  readonly part?: TablePart | undefined;
}

/**
 * Declares a network's variables in a state, under the scope's path. Names are PyTorch's (`layer1.0.conv1.weight`). A
 * variable's initial values depend only on the seed and its name, not on the variables declared before it.
 */
export class Scope {
  private constructor(
    private readonly state: State,
    private readonly seed: number | undefined,
    private readonly root: string,
    private readonly path: string,
    private readonly options: ScopeOptions,
  ) {}

  /**
   * The scope of a whole network, whose variables are called `root/...` in the state. Without a seed they are all 0, for weights
   * that are loaded next: drawing tens of millions of numbers takes seconds.
   */
  static root(state: State, root: string, seed: number | undefined, options: ScopeOptions = {}): Scope {
    return new Scope(state, seed, root, '', options);
  }

  /** The prefix of its variables' names, before a dot: `method/ft.translator`. */
  get fullName(): string {
    return `${this.root}/${this.path}`;
  }

  child(name: string): Scope {
    return new Scope(this.state, this.seed, this.root, this.join(name), this.options);
  }

  /** This scope, for the rows of tables that this process holds. */
  holding(part: TablePart): Scope {
    return new Scope(this.state, this.seed, this.root, this.path, { ...this.options, part });
  }

  /**
   * Makes a block the unit that `recompute` computes again. Among its other arguments, `x` itself is the only tensor allowed (a
   * residual).
   */
  block<Rest extends unknown[]>(
    layer: (x: Tensor4D, ...rest: Rest) => Tensor4D,
  ): (x: Tensor4D, ...rest: Rest) => Tensor4D {
    if (!this.options.recompute) return layer;
    return (x, ...rest) =>
      recompute((given: Tensor4D) => layer(given, ...(rest.map((one) => (one === x ? given : one)) as Rest)))(x);
  }

  /**
   * Declares a trainable variable.
   * @param layout transposed: stored as its transpose, see `StateVariable`
   */
  weight(name: string, shape: readonly number[], initialise: Initialiser, layout?: Layout): Variable {
    return this.declare(name, 'trainable', shape, initialise, layout);
  }

  /**
   * Declares a variable without a gradient.
   * @param merge how forward passes change it, by runtime/slice-statistics.ts; absent: it is a constant
   */
  statistic(name: string, shape: readonly number[], initialise: Initialiser, merge?: SliceMerge): Variable {
    return this.declare(name, 'statistic', shape, initialise, merge && { merge });
  }

  private declare(
    name: string,
    kind: StateKind,
    shape: readonly number[],
    initialise: Initialiser,
    options?: Pick<StateVariable, 'transposed' | 'merge'>,
  ): Variable {
    const own = this.join(name);
    if (!shape.every((size) => Number.isInteger(size) && size > 0)) {
      throw new Error(
        `The variable ${this.root}/${own} must have sizes of whole numbers from 1 on, got [${shape.map(String).join(', ')}].`,
      );
    }
    const part = options?.transposed ? this.options.part : undefined;
    const values =
      this.seed === undefined
        ? undefined
        : initialValues(initialise, shape, part, stream(this.seed, 'initial', this.root, own));
    return this.state.declare(`${this.root}/${own}`, kind, shape, values, { ...options, ...(part && { part }) });
  }

  private join(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }
}

/** The initial values of a matrix, or of the columns of a wider one, which never exists as a whole. */
function initialValues(
  initialise: Initialiser,
  shape: readonly number[],
  part: TablePart | undefined,
  random: RandomStream,
): Float32Array {
  if (!part) return initialise(shape, random);
  const [rows = 0, columns = 0] = shape;
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const whole = initialise([1, part.of], random);
    values.set(whole.subarray(part.from, part.from + columns), row * columns);
  }
  return values;
}
