import type { ExternalTensor, ExternalTensors } from '../external-tensor';
import type { Refuse } from '../refusal';
import { holdsSteps, type LayerComparison, type Own, type Steps, type Theirs, withoutSteps } from './compare-layers';
import { Constant } from './constant';

/** What is done to each image before the first layer: factor x + summand, by colours. */
export interface InputScaling {
  readonly factors: readonly number[];
  readonly summands: readonly number[];
}

export interface Assigned {
  readonly tensors: ExternalTensors;
  /** Where the graph normalises images itself. */
  readonly scaling: InputScaling | undefined;
}

/**
 * The tensors of a graph that equals our network, by our names: each layer's are those of the layer at its place in the data
 * flow. What the graph has folded into a layer's weights, or does to its channels in other words than a batch norm, becomes
 * the norm behind it.
 * @param shapes of our variables, in PyTorch
 */
export function assignWeights(
  comparison: LayerComparison,
  embedding: readonly [Own, Theirs],
  shapes: ReadonlyMap<string, readonly number[]>,
  refuse: Refuse,
): Assigned {
  const tensors = new Map<string, Constant>();
  let scaling: InputScaling | undefined;
  const put = (name: string, value: Constant) => {
    const shape = shapes.get(name) ?? value.shape;
    const own = value.size === 1 && shape.length === 1 ? value.repeated(shape[0] ?? 1) : value;
    if (own.size !== shape.reduce((a, b) => a * b, 1)) {
      throw refuse(`its ${value.name} [${value.shape}] is at the place of ${name} [${shape}]`);
    }
    const before = tensors.get(name);
    if (before && !isEqual(before, own)) throw refuse(`it has two tensors at the place of ${name}, and they differ`);
    tensors.set(name, own.shaped(shape));
  };
  const seen = new Map<Own, Set<Theirs>>();
  const walk = (own: Own, theirs: Theirs): void => {
    if (seen.get(own)?.has(theirs)) return;
    seen.set(own, (seen.get(own) ?? new Set()).add(theirs));
    const hasNorm = own.kind === 'norm';
    const core = hasNorm && holdsSteps(own.inputs[0] as Own) ? (own.inputs[0] as Own) : hasNorm ? undefined : own;
    const isStepped = hasNorm || holdsSteps(own) || own.kind === 'images';
    const found: Steps = isStepped ? withoutSteps(theirs) : { steps: [], core: theirs };
    if (hasNorm || holdsSteps(own)) {
      const parts = layerWeights(own, core, found);
      for (const [name, value] of Object.entries(parts)) put(name, value);
    } else if (own.kind === 'images') {
      const made = scalingOf(found, 3);
      if (scaling && JSON.stringify(scaling) !== JSON.stringify(made)) throw refuse('it normalises images in two ways');
      scaling = made;
    } else for (const [part, name] of Object.entries(own.weights)) put(name, theirs.weights[part] as Constant);
    // A norm of something else than a convolution reads what its steps follow.
    const [ours, others] = hasNorm && !core ? [own.inputs, [found.core]] : [(core ?? own).inputs, found.core.inputs];
    const { exchanged } = comparison.of(own, theirs);
    for (const [i, input] of ours.entries()) {
      walk(input, others[exchanged ? others.length - 1 - i : i] as Theirs);
    }
  };
  walk(...embedding);
  const made = new Map<string, ExternalTensor>([...tensors].map(([name, value]) => [name, value.tensor(refuse)]));
  const isPlain = !scaling || (scaling.factors.every((one) => one === 1) && scaling.summands.every((one) => one === 0));
  return { tensors: made, scaling: isPlain ? undefined : scaling };
}

/** The classifier's weights, from the layer that reads the embedding. */
export function classifierWeights(steps: Steps): { readonly weight: Constant; readonly bias: Constant | undefined } {
  const { weight, bias, factors } = folded(steps);
  return { weight: rowsTimes(weight as Constant, factors), bias };
}

function layerWeights(own: Own, core: Own | undefined, found: Steps): Record<string, Constant> {
  const made: Record<string, Constant> = {};
  const norm = own.kind === 'norm' ? own : undefined;
  const [only, ...more] = found.steps;
  const ownBias = core?.weights.bias;
  const given = core && found.core.weights.bias;
  const isPlainNorm =
    norm && only?.kind === 'norm' && more.length === 0 && (!given || ownBias !== undefined) && closeTo(only, norm);
  if (isPlainNorm) {
    if (core) made[core.weights.weight as string] = found.core.weights.weight as Constant;
    if (ownBias !== undefined) made[ownBias] = given ?? zeros(own.shape[0] ?? 0);
    for (const [part, name] of Object.entries(norm.weights)) made[name] = only.weights[part] as Constant;
    return made;
  }
  // The layer's own bias stays its own; the norm does what the steps do.
  const { weight, bias, factors } = folded(
    ownBias === undefined || !norm ? found : { ...found, core: withoutBias(found.core) },
  );
  const channels = own.shape[0] ?? 0;
  if (core && weight) made[core.weights.weight as string] = norm ? weight : rowsTimes(weight, factors);
  if (!norm) {
    if (ownBias !== undefined) made[ownBias] = bias ?? zeros(channels);
    return made;
  }
  if (ownBias !== undefined) made[ownBias] = given ?? zeros(channels);
  for (const [part, value] of Object.entries(normThatGives(factors, bias, channels))) {
    made[norm.weights[part] as string] = value;
  }
  return made;
}

const closeTo = (a: Theirs, b: Own): boolean =>
  Math.abs(Number(a.settings.epsilon) - Number(b.settings.epsilon)) <= 1e-6 * Number(b.settings.epsilon);

const withoutBias = (layer: Theirs): Theirs => ({ ...layer, weights: { weight: layer.weights.weight as Constant } });

interface Folded {
  /** The layer's weight alone, which the factors do not change. */
  readonly weight: Constant | undefined;
  readonly bias: Constant | undefined;
  /** What each channel of the layer without bias is multiplied by; undefined: 1. */
  readonly factors: readonly number[] | undefined;
}

/** A layer and the steps behind it as `factors layer(x) + bias`. */
function folded({ core, steps }: Steps): Folded {
  const { weight, bias } = holdsSteps(core) ? core.weights : ({} as Theirs['weights']);
  if (steps.length === 0) return { weight, bias, factors: undefined };
  const channels = core.shape[0] ?? 0;
  const { factors, summands } = scalingOf({ core, steps }, channels, bias);
  const isOne = factors.every((factor) => factor === 1);
  return { weight, bias: Constant.numbers(summands, false), factors: isOne ? undefined : factors };
}

/** The steps together as factor x + summand for each channel. */
function scalingOf({ steps }: Steps, channels: number, bias?: Constant): InputScaling {
  const factors = new Array<number>(channels).fill(1);
  const summands = Array.from({ length: channels }, (_, c) => bias?.values()[c] ?? 0);
  for (const { kind, settings, weights } of steps) {
    const at = (part: string, c: number) => {
      const values = (weights[part] as Constant).values();
      return values[values.length === 1 ? 0 : c] ?? Number.NaN;
    };
    for (let c = 0; c < channels; c++) {
      let [factor, summand] = [1, 0];
      if (kind === 'norm') {
        factor = at('weight', c) / Math.sqrt(at('running_var', c) + Number(settings.epsilon));
        summand = at('bias', c) - at('running_mean', c) * factor;
      } else if (kind === 'scale') factor = at('weight', c);
      else if (kind === 'offset') summand = at('weight', c);
      else [factor, summand] = [Number(settings.factor), Number(settings.summand)];
      factors[c] = (factors[c] ?? 1) * factor;
      summands[c] = (summands[c] ?? 0) * factor + summand;
    }
  }
  return { factors, summands };
}

function rowsTimes(weight: Constant, factors: readonly number[] | undefined): Constant {
  if (!factors) return weight;
  const each = weight.size / factors.length;
  return new Constant(weight.shape, false, weight.name, () =>
    Float64Array.from(weight.values(), (value, i) => value * (factors[Math.floor(i / each)] ?? Number.NaN)),
  );
}

/**
 * A batch norm that computes `factors x + bias`, exactly, for any epsilon up to 1e-3: in float32 the variance 2^16 plus epsilon
 * is 2^16, and its root 2^8 divides the weight.
 */
function normThatGives(factors: readonly number[] | undefined, bias: Constant | undefined, channels: number) {
  const filled = (value: number) => new Constant([channels], false, '', () => new Float32Array(channels).fill(value));
  return {
    weight: factors
      ? Constant.numbers(
          factors.map((factor) => factor * 2 ** 8),
          false,
        )
      : filled(2 ** 8),
    bias: bias ?? filled(0),
    running_mean: filled(0),
    running_var: filled(2 ** 16),
  };
}

const zeros = (count: number): Constant => new Constant([count], false, '', () => new Float32Array(count));

function isEqual(a: Constant, b: Constant): boolean {
  if (a === b) return true;
  const [x, y] = [a.values(), b.values()];
  return x.length === y.length && Array.prototype.every.call(x, (value: number, i: number) => value === y[i]);
}
