import type { Mode } from '../../src/nn/layers';
import { Scope } from '../../src/nn/scope';
import { fromTorch, permuted, toTorch } from '../../src/nn/torch-layout';
import { assign, type NamedValues, State } from '../../src/runtime/state';
import {
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
  type Variable,
} from '../../src/runtime/tensorflow';
import type { ReferenceValues } from '../reference-cases';

type Named = Readonly<Record<string, ReferenceValues>>;

/** A case of losses.json: arrays are in PyTorch's layout; gradients are float32, other values float64. */
export interface LossCase {
  readonly id: string;
  readonly group: string;
  readonly source: { readonly symbol: string };
  readonly hyper: Readonly<Record<string, number | boolean | string>>;
  readonly mode?: 'train' | 'eval' | null;
  readonly requires_grad: readonly string[];
  readonly inputs: Named;
  readonly params?: Named;
  readonly expected: {
    readonly loss_f64: number;
    readonly components?: Readonly<Record<string, number | ReferenceValues>>;
    readonly grads_f32: Named;
    readonly grads_true_f32?: Named;
    readonly param_grads_f32?: Named;
    readonly buffers_after_f32?: Named;
  };
}

/** The result of a runner; feature maps among the components are [batch, h, w, c]. */
export interface Outcome {
  readonly loss: Scalar;
  readonly components?: Readonly<Record<string, Tensor>>;
}

/** Declares a case's variables, and returns a function that computes its loss. */
export type Runner = (given: Given) => () => Outcome;
const named = ({ shape, data }: ReferenceValues): NamedValues => ({ shape, values: Float32Array.from(data) });

const nhwc = [0, 2, 3, 1];
const nchw = [0, 3, 1, 2];

/** Values in PyTorch's layout, for comparison with the reference; by default, the tensor is a feature map. */
export function inTorchLayout(tensor: Tensor, kind: 'map' | 'weight' | 'unchanged' = 'map'): Float32Array {
  const values = { shape: tensor.shape, values: Float32Array.from(tensor.dataSync()) };
  if (kind === 'weight') return toTorch(values).values;
  return kind === 'map' && tensor.rank === 4 ? permuted(values, nchw).values : values.values;
}

interface Tracked {
  readonly variable: Variable;
  readonly kind: 'weight' | 'unchanged';
}

/**
 * A case's inputs and parameters as variables of a state. Parameters are found by the ends of their names, because cases
 * use different prefixes.
 */
export class Given {
  readonly state = new State();
  /** Parameters and buffers by the case's names. */
  readonly parameters = new Map<string, Tracked>();
  /** Buffers that runners update, after the forward pass. */
  readonly buffers = new Map<string, Float32Array>();
  private modules = 0;

  /** @param exact computes the true derivatives even if the reference's gradients differ from them */
  constructor(
    readonly from: LossCase,
    readonly exact = false,
  ) {
    for (const [name, values] of Object.entries(from.inputs)) {
      if ('dtype' in values) continue;
      const own = values.shape.length === 4 ? permuted(named(values), nhwc) : named(values);
      const kind = from.requires_grad.includes(name) ? 'trainable' : 'statistic';
      this.state.declare(`input/${name}`, kind, own.shape, own.values);
    }
  }

  get mode(): Mode {
    return this.from.mode === 'eval' ? 'eval' : 'train';
  }

  /** The first of these hyperparameters that the case has. */
  hyper(...names: string[]): number {
    for (const name of names) {
      const value = this.from.hyper[name];
      if (value !== undefined) return Number(value);
    }
    throw new Error(`${this.from.id} has no hyperparameter ${names.join(' or ')}.`);
  }

  hyperOr(fallback: number, ...names: string[]): number {
    return names.some((name) => name in this.from.hyper) ? this.hyper(...names) : fallback;
  }

  has(input: string): boolean {
    return input in this.from.inputs;
  }

  input(name: string): Variable {
    const found = this.state.get(`input/${name}`);
    if (!found) throw new Error(`${this.from.id} has no input ${name}.`);
    return found.variable;
  }

  map(name: string): Tensor4D {
    return this.input(name) as Tensor as Tensor4D;
  }

  rows(name: string): Tensor2D {
    return this.input(name) as Tensor as Tensor2D;
  }

  /** The feature maps s0, s1, ... for a prefix s. */
  features(prefix: string): Tensor4D[] {
    const count = Object.keys(this.from.inputs).filter((name) => new RegExp(`^${prefix}\\d+$`).test(name)).length;
    return Array.from({ length: count }, (_, i) => this.map(`${prefix}${i}`));
  }

  /** The first of these integer inputs that the case has. */
  integers(...names: string[]): Tensor1D {
    const name = names.find((one) => this.has(one));
    if (!name) throw new Error(`${this.from.id} has no input ${names.join(' or ')}.`);
    const { shape, data } = this.from.inputs[name] as ReferenceValues;
    return tf.tensor(Int32Array.from(data), [...shape], 'int32') as Tensor as Tensor1D;
  }

  /** The case's parameters whose names are `suffix` or end with it. */
  names(suffix: string): string[] {
    const own = Object.keys(this.from.params ?? {});
    return own.filter((name) => name === suffix || name.endsWith(`.${suffix}`));
  }

  /** A parameter's shape in PyTorch. */
  shape(suffix: string): readonly number[] {
    return this.parameter(suffix).values.shape;
  }

  private parameter(suffix: string): { name: string; values: ReferenceValues } {
    const [name, ...more] = this.names(suffix);
    const values = name === undefined ? undefined : this.from.params?.[name];
    if (name === undefined || !values || more.length > 0) {
      throw new Error(
        `${this.from.id} has ${1 + more.length - (name ? 0 : 1)} parameters that end with ${suffix}; it must have one.`,
      );
    }
    return { name, values };
  }

  /** A parameter in PyTorch's layout. */
  weight(suffix: string): Variable {
    const { name, values } = this.parameter(suffix);
    const { shape, values: numbers } = named(values);
    const variable = this.state.declare(`own/${name}`, 'trainable', shape, numbers);
    this.parameters.set(name, { variable, kind: 'unchanged' });
    return variable;
  }

  /** Builds a module and loads the parameters under `prefix` ('' for all) into it. */
  module<T>(prefix: string, build: (scope: Scope) => T): T {
    const root = `module${this.modules++}`;
    const built = build(Scope.root(this.state, root, undefined));
    for (const { name, variable } of this.state.all().filter((one) => one.name.startsWith(`${root}/`))) {
      const own = name.slice(root.length + 1);
      const { name: theirs, values } = this.parameter(prefix === '' ? own : `${prefix}.${own}`);
      const { shape, values: numbers } = fromTorch(named(values));
      if (shape.join() !== variable.shape.join()) {
        throw new Error(`${this.from.id}: ${theirs} is [${shape}] there but [${variable.shape}] here.`);
      }
      assign(variable, tf.tensor(numbers, [...shape]));
      this.parameters.set(theirs, { variable, kind: 'weight' });
    }
    return built;
  }
}
