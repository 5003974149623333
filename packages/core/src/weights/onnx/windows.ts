/** Convolutions, pools, and the layers with one weight a channel. */
import type { Constant } from './constant';
import * as layers from './layer';
import type { Computed, NodeReader } from './node-reader';

/** Maps [batch, channels, height, width]. */
export function maps(reader: NodeReader): Computed & { readonly shape: readonly [number, number, number, number] } {
  const x = reader.computed();
  if (x.shape.length !== 4 || x.channelsLast) throw reader.refuse(`gets [${x.shape}], which is no batch of maps`);
  return x as ReturnType<typeof maps>;
}

interface Placed extends layers.Window {
  /** Rows below and columns to the right. */
  readonly after: readonly number[];
  readonly output: readonly number[];
}

function place(
  reader: NodeReader,
  size: readonly number[],
  kernel: readonly number[],
  dilations: readonly number[],
): Placed {
  const strides = reader.pair('strides', [1, 1], 1);
  const given = reader.numbers('pads') ?? [0, 0, 0, 0];
  const automatic = reader.string('auto_pad', 'NOTSET');
  const isUp = reader.op.endsWith('Pool') && reader.flag('ceil_mode', false);
  if (given.length !== 4 || !given.every((pad) => Number.isInteger(pad) && pad >= 0 && pad < 1e6)) {
    throw reader.refuse(`has pads ${given}, which must be four whole numbers from 0 on`);
  }
  if (!['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER', ''].includes(automatic)) {
    throw reader.refuse(`has the unknown auto_pad ${automatic}`);
  }
  const isSame = automatic.startsWith('SAME');
  const spans = kernel.map((length, i) => (length - 1) * (dilations[i] ?? 1) + 1);
  const pads = spans.map((span, i): [number, number] => {
    if (!isSame) return automatic === 'VALID' ? [0, 0] : [given[i] ?? 0, given[i + 2] ?? 0];
    const [from = 1, stride = 1] = [size[i], strides[i]];
    const all = Math.max(0, (Math.ceil(from / stride) - 1) * stride + span - from);
    const less = Math.floor(all / 2);
    return automatic === 'SAME_UPPER' ? [less, all - less] : [all - less, less];
  });
  const output = spans.map((span, i) => {
    const [from = 1, stride = 1, [first, last] = [0, 0]] = [size[i], strides[i], pads[i]];
    const steps = (from + first + last - span) / stride;
    const count = (isUp ? Math.ceil(steps) : Math.floor(steps)) + 1;
    if (from + first + last < span || count < 1)
      throw reader.refuse(`has a kernel that is larger than its map [${size}]`);
    if ((count - 1) * stride >= from + first || (isUp && first >= span)) {
      throw reader.refuse('has ceil_mode with a window outside of its map, which programs read differently');
    }
    return count;
  });
  return { kernel, strides, before: pads.map(([one]) => one), after: pads.map(([, one]) => one), output };
}

export function convolution(reader: NodeReader): Computed {
  const x = maps(reader);
  const weight = reader.constant(1, 'weight');
  const bias = reader.optional(2, 'bias');
  const [batch, channels, ...size] = x.shape;
  const [outputs = 0, each = 0, ...kernel] = weight.shape;
  const groups = reader.number('group', 1);
  const stated = reader.numbers('kernel_shape') ?? kernel;
  if (kernel.length !== 2 || stated.join() !== kernel.join()) {
    throw reader.refuse(`has kernel_shape ${stated} and a weight [${weight.shape}]`);
  }
  if (!(groups >= 1) || each * groups !== channels || outputs % groups !== 0 || outputs === 0) {
    throw reader.refuse(`has group ${groups} and a weight [${weight.shape}] for a map of ${channels} channels`);
  }
  if (bias && bias.shape.join() !== `${outputs}`)
    throw reader.refuse(`has a bias [${bias.shape}] for ${outputs} channels`);
  const dilations = reader.pair('dilations', [1, 1], 1);
  const { output, ...window } = place(reader, size, kernel, dilations);
  const made = layers.convolution(x.layer, {
    ...window,
    dilations,
    groups,
    at: reader.at,
    shape: [outputs, ...output],
    weights: { weight, ...(bias && { bias }) },
  });
  return { layer: made, shape: [batch, outputs, ...output] };
}

export function pool(reader: NodeReader): Computed {
  const x = maps(reader);
  const isMax = reader.op === 'MaxPool';
  if (reader.node.outputs.slice(1).some((name) => name !== '')) throw reader.refuse('gives indices too');
  reader.ignore('storage_order');
  const [batch, channels, ...size] = x.shape;
  const kernel = reader.pair('kernel_shape', undefined, 1);
  const dilations = reader.pair('dilations', [1, 1], 1);
  if (dilations.some((one) => one !== 1))
    throw reader.refuse(`has dilations ${dilations}, and no network here has a pool with dilations`);
  const counted = !isMax && reader.flag('count_include_pad', false);
  const { output, after, ...window } = place(reader, size, kernel, dilations);
  const reaches = output.some((count, i) => {
    const [from = 1, stride = 1, length = 1, first = 0] = [size[i], window.strides[i], kernel[i], window.before[i]];
    return (count - 1) * stride + length > from + first + (after[i] ?? 0);
  });
  if (!isMax && reaches)
    throw reader.refuse('has ceil_mode with a window across the edge, which programs average differently');
  const shape = [channels, ...output];
  const made = layers.pool(isMax ? 'maxPool' : 'averagePool', x.layer, { ...window, counted, at: reader.at, shape });
  return { layer: made, shape: [batch, ...shape] };
}

export function pad(reader: NodeReader): Computed {
  const x = reader.computed();
  const rank = x.shape.length;
  const given = reader.axes('pads', 1) ?? [];
  const value = reader.optional(2, 'value')?.list()[0] ?? reader.number('value', 0);
  const mode = reader.string('mode', 'constant');
  const axes = reader.optional(3, 'axes')?.list() ?? x.shape.map((_, axis) => axis);
  if (given.length !== 2 * axes.length) throw reader.refuse(`has pads ${given} for ${axes.length} axes`);
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  for (const [i, axis] of axes.entries()) {
    before[reader.axis(axis, rank)] = given[i] ?? 0;
    after[reader.axis(axis, rank)] = given[i + axes.length] ?? 0;
  }
  const all = [...before, ...after];
  if (all.every((size) => size === 0)) return x;
  const isSpatial = rank === 4 && !x.channelsLast && [0, 1].every((axis) => before[axis] === 0 && after[axis] === 0);
  if (!isSpatial || mode !== 'constant' || all.some((size) => !Number.isInteger(size) || size < 0 || size > 1e6)) {
    throw reader.refuse(`has pads ${given} and mode ${mode}, and no network here pads so`);
  }
  const shape = x.shape.map((size, axis) => size + (before[axis] ?? 0) + (after[axis] ?? 0));
  const settings = { before: before.slice(2), value };
  return { layer: layers.layer('pad', [x.layer], { at: reader.at, settings, shape: shape.slice(1) }), shape };
}

/** Gemm, and MatMul with one stored factor. */
export function linear(reader: NodeReader): Computed {
  const x = reader.computed();
  const isGemm = reader.op === 'Gemm';
  const [batch = 0, inputs = 0] = x.shape;
  const stored = reader.constant(1, 'weight');
  const given = isGemm ? reader.optional(2, 'bias') : undefined;
  if (isGemm && reader.flag('transA', false))
    throw reader.refuse('has transA 1, and no network here transposes its input');
  const weight = isGemm && reader.flag('transB', false) ? stored : transposed(stored, reader);
  const [outputs = 0, columns] = weight.shape;
  if (x.shape.length !== 2 || weight.shape.length !== 2 || columns !== inputs) {
    throw reader.refuse(`multiplies [${x.shape}] by [${stored.shape}]`);
  }
  const [alpha, beta] = isGemm ? [reader.number('alpha', 1), reader.number('beta', 1)] : [1, 1];
  const bias = given && rowOf(given, outputs, reader).times(beta);
  const weights = { weight: weight.times(alpha), ...(bias && { bias }) };
  const shape = [batch, outputs];
  return { layer: layers.layer('linear', [x.layer], { at: reader.at, shape: [outputs], weights }), shape };
}

function transposed(weight: Constant, reader: NodeReader): Constant {
  if (weight.shape.length !== 2) throw reader.refuse(`has a weight [${weight.shape}]`);
  return weight.transposed([1, 0]);
}

/** A bias as one number an output. */
function rowOf(bias: Constant, outputs: number, reader: NodeReader): Constant {
  if (bias.size === outputs && bias.shape.at(-1) === outputs) return bias.shaped([outputs]);
  if (bias.size !== 1) throw reader.refuse(`has a bias [${bias.shape}] for ${outputs} outputs`);
  return bias.repeated(outputs);
}

export function batchNorm(reader: NodeReader): Computed {
  const x = reader.computed();
  const channels = x.shape[1] ?? 0;
  const isPlain = !reader.flag('training_mode', false) && reader.flag('spatial', true);
  if (!isPlain || x.channelsLast || x.shape.length < 2)
    throw reader.refuse('is no batch norm in evaluation over channels');
  reader.ignore('momentum');
  const weights: Record<string, Constant> = {};
  for (const [i, part] of ['weight', 'bias', 'running_mean', 'running_var'].entries()) {
    const one = reader.constant(i + 1, part);
    if (one.shape.join() !== `${channels}`)
      throw reader.refuse(`has a ${part} [${one.shape}] for ${channels} channels`);
    weights[part] = one;
  }
  const epsilon = reader.number('epsilon', 1e-5);
  if (!(epsilon >= 0)) throw reader.refuse(`has epsilon ${epsilon}, which must not be negative`);
  const settings = { epsilon };
  return { ...x, layer: layers.layer('norm', [x.layer], { at: reader.at, settings, weights }) };
}

/** PRelu, with one slope for all channels or one for each. */
export function prelu(reader: NodeReader): Computed {
  const x = reader.computed();
  const slope = perChannel(reader.constant(1, 'slope'), x);
  if (!slope) throw reader.refuse(`has a slope [${reader.constant(1, 'slope').shape}] for [${x.shape}]`);
  return { ...x, layer: layers.layer('prelu', [x.layer], { at: reader.at, weights: { weight: slope } }) };
}

/** A constant that is broadcast along all axes but the channels', as [channels] or, for one number, [1]. */
export function perChannel(constant: Constant, { shape, channelsLast }: Computed): Constant | undefined {
  if (constant.size === 1 && constant.shape.length <= shape.length) return constant.shaped([1]);
  const own = constant.shape.findIndex((size) => size !== 1);
  const axis = shape.length - constant.shape.length + own;
  const isChannels = own >= 0 && axis === (channelsLast ? shape.length - 1 : 1);
  return isChannels && constant.size === shape[axis] ? constant.shaped([constant.size]) : undefined;
}
