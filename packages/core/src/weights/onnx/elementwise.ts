/** Operators that compute each number of a map by itself, or of two maps of one shape. */
import type { Constant } from './constant';
import type { Layer } from './layer';
import * as layers from './layer';
import { type Computed, isConstant, type NodeReader, type Value } from './node-reader';
import { perChannel } from './windows';

type Own = Layer<Constant>;

/** The largest float32, with which older exporters say that a clip has no bound. */
const unbounded = 3.4e38;

export function clip(reader: NodeReader): Computed {
  const x = reader.computed();
  const low = reader.optional(1, 'min')?.list()[0] ?? reader.number('min', Number.NEGATIVE_INFINITY);
  const high = reader.optional(2, 'max')?.list()[0] ?? reader.number('max', Number.POSITIVE_INFINITY);
  return clipped(x, low, high, reader.at);
}

function clipped(x: Computed, low: number, high: number, at: string): Computed {
  const [from, to] = [
    low <= -unbounded ? Number.NEGATIVE_INFINITY : low,
    high >= unbounded ? Number.POSITIVE_INFINITY : high,
  ];
  return { ...x, layer: layers.clip(x.layer, from, to, at) };
}

/** min(max(alpha x + beta, 0), 1) */
const hardSigmoid = (x: Own, alpha: number, beta: number, at: string): Own =>
  layers.clip(layers.scalar(x, alpha, beta, at), 0, 1, at);

/** x times a sigmoid of alpha x. */
const swish = (x: Own, alpha: number, at: string): Own =>
  layers.multiply(x, layers.layer('sigmoid', [layers.scalar(x, alpha, 0, at)], { at }), at);

/** The activations by their operators. */
export const activations: Readonly<Record<string, (x: Own, reader: NodeReader) => Own>> = {
  Relu: (x, { at }) => layers.clip(x, 0, Number.POSITIVE_INFINITY, at),
  Sigmoid: (x, { at }) => layers.layer('sigmoid', [x], { at }),
  HardSigmoid: (x, reader) => hardSigmoid(x, reader.number('alpha', 0.2), reader.number('beta', 0.5), reader.at),
  HardSwish: (x, { at }) => layers.multiply(x, hardSigmoid(x, 1 / 6, 0.5, at), at),
  Swish: (x, reader) => swish(x, reader.number('alpha', 1), reader.at),
  QuickGelu: (x, reader) => swish(x, reader.number('alpha', 1.702), reader.at),
  LeakyRelu: (x, reader) =>
    layers.layer('leakyRelu', [x], { at: reader.at, settings: { alpha: reader.number('alpha', 0.01) } }),
  Softmax: lastAxis,
  LogSoftmax: lastAxis,
  LpNormalization(x, reader) {
    if (reader.number('p', 2) !== 2) throw reader.refuse('has another p than 2');
    return lastAxis(x, reader, 'normalised');
  },
  Neg: (x, { at }) => layers.scalar(x, -1, 0, at),
};

/** A softmax and its like, over the last axis of [batch, numbers]. */
function lastAxis(x: Own, reader: NodeReader, kind: unknown = reader.op): Own {
  const axis = reader.number('axis', reader.opset < 13 && reader.op !== 'LpNormalization' ? 1 : -1);
  if (x.shape.length !== 1 || (axis !== 1 && axis !== -1))
    throw reader.refuse(`has axis ${axis} for maps [${x.shape}]`);
  return layers.layer(typeof kind === 'string' ? kind : reader.op, [x], { at: reader.at });
}

export function activation(reader: NodeReader): Computed {
  const x = reader.computed();
  return { ...x, layer: (activations[reader.op] as (typeof activations)[string])(x.layer, reader) };
}

/** Add, Sub, Mul, Div, Sum, Min and Max of two or more values, of which some may be stored. */
export function arithmetic(reader: NodeReader): Computed {
  const [first, ...rest] = reader.inputs;
  if (!first) throw reader.refuse('has no inputs');
  if (reader.op !== 'Sum' && reader.op !== 'Min' && reader.op !== 'Max' && rest.length !== 1) {
    throw reader.refuse(`has ${reader.inputs.length} inputs`);
  }
  const result = rest.reduce((a: Value, b) => {
    if (!b) throw reader.refuse('lacks an input');
    if (isConstant(a)) return isConstant(b) ? a : withConstant(reader, b, a, true);
    return isConstant(b) ? withConstant(reader, a, b, false) : ofTwo(reader, a, b);
  }, first);
  return result as Computed;
}

/** @param isFirst whether the constant is the first operand */
function withConstant(reader: NodeReader, x: Computed, constant: Constant, isFirst: boolean): Computed {
  const { op, at } = reader;
  const values = perChannel(constant, x);
  if (!values) {
    throw reader.refuse(`takes the stored [${constant.shape}] for [${x.shape}], which is not one number a channel`);
  }
  const [value = Number.NaN] = values.size === 1 ? values.list() : [];
  const with_ = (made: Own): Computed => ({ ...x, layer: made });
  if (op === 'Min' || op === 'Max') {
    if (values.size > 1) throw reader.refuse('has a bound for each channel');
    return clipped(x, op === 'Max' ? value : -unbounded, op === 'Min' ? value : unbounded, at);
  }
  if (op === 'Div' && isFirst) throw reader.refuse('divides stored numbers by what is computed');
  // A single channel's number and a number for all are the same; as a channel's, it can belong to a layer's weights.
  if (values.size === 1) {
    if (op === 'Add' || op === 'Sum') return with_(layers.scalar(x.layer, 1, value, at));
    if (op === 'Sub') return with_(layers.scalar(x.layer, isFirst ? -1 : 1, isFirst ? value : -value, at));
    return with_(layers.scalar(x.layer, op === 'Div' ? 1 / value : value, 0, at));
  }
  const step = (kind: 'scale' | 'offset', one: Constant, source = x.layer) =>
    layers.layer(kind, [source], { at, weights: { weight: one } });
  if (op === 'Add' || op === 'Sum') return with_(step('offset', values));
  if (op === 'Sub' && isFirst) return with_(step('offset', values, layers.scalar(x.layer, -1, 0, at)));
  if (op === 'Sub') return with_(step('offset', values.times(-1)));
  return with_(step('scale', op === 'Div' ? values.mapped((one) => 1 / one, false) : values));
}

function ofTwo(reader: NodeReader, a: Computed, b: Computed): Computed {
  const { op, at } = reader;
  if (op === 'Div') return { ...a, layer: normalised(reader, a, b) };
  const [x, y] = a.shape.length >= b.shape.length ? [a, b] : [b, a];
  const isSame = a.shape.join() === b.shape.join();
  const [wide, factor] = x.layer.shape.length >= y.layer.shape.length ? [x, y] : [y, x];
  const isPerChannel =
    factor.layer.shape.length === 1 && factor.shape[1] === wide.shape[1] && factor.shape.length === wide.shape.length;
  if (!isSame && !(op === 'Mul' && isPerChannel)) throw reader.refuse(`combines [${a.shape}] and [${b.shape}]`);
  if (a.channelsLast || b.channelsLast) throw reader.refuse('combines images');
  if (op === 'Add' || op === 'Sum') return { ...wide, layer: layers.add(a.layer, b.layer, at) };
  if (op === 'Mul') return { ...wide, layer: layers.multiply(a.layer, b.layer, at) };
  throw reader.refuse('of two maps is part of no network here');
}

/** x / |x|, whose length may have a bound against zeros. */
function normalised(reader: NodeReader, x: Computed, y: Computed): Own {
  let length = y.layer;
  while (length.kind === 'expand' || length.kind === 'clip' || length.kind === 'scalar') {
    if (length.kind === 'clip' && Number(length.settings.low) > 1e-4) break;
    if (length.kind === 'scalar' && (length.settings.factor !== 1 || Number(length.settings.summand) > 1e-4)) break;
    length = length.inputs[0] as Own;
  }
  if (length.kind !== 'length' || length.inputs[0] !== x.layer) throw reader.refuse('divides by what is computed');
  return layers.layer('normalised', [x.layer], { at: reader.at });
}
