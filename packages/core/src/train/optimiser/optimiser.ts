import type { Terms } from '../../distill/method';
import { attr, execute, hasKernel } from '../../runtime/binding';
import { gatherRows, withRows } from '../../runtime/ops/rows';
import type { State, StateVariable } from '../../runtime/state';
import { type Scalar, type Tensor, type Tensor1D, type Tensor2D, tf, type Variable } from '../../runtime/tensorflow';
import { type Gradients, gradientsOf } from './gradients';
import { type LossScale, makeLossScaling } from './loss-scale';
import { type SgdPart, sgdUpdate } from './sgd-update';

export interface SgdOptions {
  readonly momentum?: number;
  /** Multiplies the weight and is added to its gradient (PyTorch's weight_decay). */
  readonly weightDecay?: number;
  /** Multiplies the learning rate of the named variable; default: 1. */
  readonly rateOf?: (name: string) => number;
  /** Upper bound of the norm of all gradients together. */
  readonly clipNorm?: number;
  /** A step's gradient is the mean over this many slices of its batch; default 1. */
  readonly slices?: number;
  /** For gradients in float16; default: none. */
  readonly lossScale?: LossScale;
  /** Prefix of the optimiser's own variables: a state may have an optimiser for each phase of training. */
  readonly root?: string;
}

/** Values that a step reports besides its loss and terms. */
export const watchedNames: readonly string[] = ['gradient_norm', 'loss_scale'];

/** Rows that a step has gathered from a variable [n, d]; the loss uses them instead of the variable. */
export interface SampledRows {
  /** The variable's name. */
  readonly name: string;
  /** int32 [k], without repetition */
  readonly indices: Tensor1D;
  /** [k, d] */
  readonly rows: Tensor2D;
}

export interface Optimiser {
  /** The variables that it may move. */
  readonly variables: readonly StateVariable[];
  /** Prefix of its own variables. */
  readonly root: string;
  /**
   * Computes a slice's loss and its gradients; changes no weight.
   * @param sampled rows that are learned instead of the variables they come from
   */
  gradients(terms: () => Terms, sampled?: readonly SampledRows[]): StepGradients;
  /**
   * Moves the weights by the mean of the slices' gradients.
   * @param step the sums of the slices' gradients
   * @param sampled as given to `gradients`; the variables' other rows, and their momenta, stay as they are, without
   * weight decay
   * @returns the gradients' norm before clipping as `gradient_norm`, where it is clipped; this step's `loss_scale`,
   * where the loss is scaled
   */
  update(learningRate: Tensor, step: SummedGradients, sampled?: readonly SampledRows[]): Record<string, Scalar>;
}

/** Gradients, multiplied by the loss scale where there is one. */
export interface StepGradients extends Gradients {
  readonly lossScale: Tensor | undefined;
}

export interface SummedGradients extends Pick<StepGradients, 'gradients' | 'lossScale'> {
  /** The sum over all processes of a value [1]; needed for the norm where each holds a part of some variables. */
  readonly sumOfParts?: ((own: Tensor) => Tensor) | undefined;
}

/** A variable that the loss depends on. */
interface Reached {
  /** Whether other processes hold the rest of it. */
  readonly isPart: boolean;
  readonly variable: Variable;
  readonly slot: Variable | undefined;
  readonly gradient: Tensor;
  readonly rate: number;
  /** Set if only some of its rows move. */
  readonly sampled: SampledRows | undefined;
}

/**
 * Stochastic gradient descent like torch.optim.SGD: g += decay w; m = momentum m + g; w -= rate m. A variable that the loss
 * does not depend on keeps its value and its momentum.
 *
 * With a dynamic loss scale, a step whose gradients are not finite changes only the scale.
 */
export function sgd(
  state: State,
  variables: readonly StateVariable[],
  { momentum = 0, weightDecay = 0, rateOf = () => 1, clipNorm, slices = 1, lossScale, root = '' }: SgdOptions = {},
): Optimiser {
  const slots = declareLike(state, `${root}momentum`, momentum === 0 ? [] : variables);
  const scaling = lossScale === undefined ? undefined : makeLossScaling(state, lossScale, root);

  function step(
    learningRate: Tensor,
    { gradients, lossScale: scaled, sumOfParts }: SummedGradients,
    rowsOf: ReadonlyMap<string, SampledRows>,
  ) {
    const reached = variables.flatMap(({ name, variable, part }): Reached[] => {
      const gradient = gradients.get(name);
      if (!gradient) return [];
      const sampled = rowsOf.get(name);
      const isPart = part !== undefined;
      return [{ isPart, variable, slot: slots.get(name), gradient, rate: rateOf(name), sampled }];
    });
    // One scalar that turns the sums into means, removes the loss scale and clips: one pass over the gradients.
    const mean = scaled ? tf.div(1 / slices, scaled) : slices > 1 ? tf.scalar(1 / slices) : undefined;
    const needsNorm = clipNorm !== undefined || scaling?.adapt !== undefined;
    const norm = needsNorm ? normOf(reached, mean, sumOfParts) : undefined;
    const clip = norm && clipNorm !== undefined ? clipFactor(norm, clipNorm) : undefined;
    const scale = mean && clip ? tf.mul(mean, clip) : (clip ?? mean);
    // Read before the assignments below: `scaled` may be a variable of the state.
    const watched = {
      ...(norm && clip && { gradient_norm: norm.asScalar() }),
      ...(scaled && { loss_scale: tf.clone(scaled).asScalar() }),
    };
    const parts = reached.map(partOf);
    const updated = sgdUpdate(parts, { learningRate, momentum, weightDecay, scale });
    const finite = norm && scaling?.adapt ? tf.isFinite(norm) : undefined;
    const settle = (variable: Variable, before: Tensor | undefined, value: Tensor | undefined, rows?: SampledRows) => {
      if (!value || !before) return;
      const settled = finite ? select(finite, value, before) : value;
      variable.assign(rows ? withRows(variable, rows.indices, settled as Tensor2D) : settled);
    };
    for (const [i, { variable, slot, sampled }] of reached.entries()) {
      const before = parts[i];
      if (slot) settle(slot, before?.slot, updated.slots[i], sampled);
      settle(variable, before?.weight, updated.weights[i], sampled);
    }
    if (finite) scaling?.adapt?.(finite);
    return watched;
  }

  return {
    variables,
    root,
    gradients(terms, sampled = []) {
      const scale = scaling?.scale;
      const rowsOf = byName(sampled);
      const differentiated = variables.map(({ name, variable }) => ({
        name,
        variable: rowsOf.get(name)?.rows ?? variable,
      }));
      return { ...gradientsOf(differentiated, terms, { lossScale: scale, slices }), lossScale: scale };
    },
    update: (learningRate, gradients, sampled = []) => tf.tidy(() => step(learningRate, gradients, byName(sampled))),
  };
}

const byName = (sampled: readonly SampledRows[]): ReadonlyMap<string, SampledRows> =>
  new Map(sampled.map((one) => [one.name, one]));

/** Declares a slot `kind/<name>` of zeros for every variable. */
function declareLike(state: State, kind: string, variables: readonly StateVariable[]): ReadonlyMap<string, Variable> {
  return new Map(
    variables.map((entry) => {
      const { name, variable, shape, transposed = false, part } = entry;
      const zeros = new Float32Array(variable.size);
      const given = transposed ? shape.toReversed() : shape;
      return [name, state.declare(`${kind}/${name}`, 'slot', given, zeros, { transposed, ...(part && { part }) })];
    }),
  );
}

/** The part of a variable that moves. */
const partOf = ({ variable, slot, gradient, rate, sampled }: Reached): SgdPart =>
  sampled
    ? { weight: sampled.rows, slot: slot && gatherRows(slot, sampled.indices), gradient, rate }
    : { weight: variable as Tensor, slot, gradient, rate };

/** Half the sum of the tensors' squares; this package's kernel has the same bits with any number of threads. */
function halfSquares(tensors: readonly Tensor[]): Tensor {
  if (hasKernel('HeadshareHalfSquares')) {
    return execute('HeadshareHalfSquares', [attr.int('n', tensors.length)], tensors);
  }
  return tf.addN(tensors.map((one) => execute('L2Loss', [attr.type('T', 'float32')], [one])));
}

/** The norm of all gradients together, each multiplied by `scale`. */
function normOf(
  reached: readonly Reached[],
  scale: Tensor | undefined,
  sumOfParts: SummedGradients['sumOfParts'],
): Tensor {
  const halfOf = (some: readonly Reached[]) =>
    some.length === 0 ? [] : [halfSquares(some.map(({ gradient }) => gradient))];
  const parts = reached.filter(({ isPart }) => isPart);
  const all = halfOf(reached.filter(({ isPart }) => !isPart));
  for (const half of halfOf(parts)) {
    if (!sumOfParts) throw new Error('The norm of variables that are held in parts needs the sum over all processes.');
    all.push(tf.reshape(sumOfParts(tf.reshape(half, [1])), []));
  }
  const norm = tf.sqrt(tf.mul(tf.addN(all), 2));
  return scale ? tf.mul(norm, scale) : norm;
}

/** min(1, limit / norm), like torch.nn.utils.clip_grad_norm_. */
const clipFactor = (norm: Tensor, limit: number): Tensor => tf.minimum(1, tf.div(limit, tf.add(norm, 1e-6)));

/** Chooses a whole tensor by a bool scalar; tf.where would first broadcast the condition to its shape. */
const select = (condition: Tensor, yes: Tensor, no: Tensor): Tensor =>
  execute('Select', [attr.type('T', 'float32')], [condition, yes, no]);
