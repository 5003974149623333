/** Operators that only move numbers, and reductions. */
import { broadcastShape, Constant, sizeOf } from './constant';
import type { Layer } from './layer';
import * as layers from './layer';
import type { Computed, NodeReader } from './node-reader';

/** x with another shape of as many numbers. */
function reshaped(reader: NodeReader, x: Computed, shape: readonly number[]): Computed {
  const { at, batch } = reader;
  if (sizeOf(shape) !== sizeOf(x.shape)) throw reader.refuse(`makes [${shape}] of [${x.shape}]`);
  const [, ...rest] = shape;
  const [, ...from] = x.shape;
  const squeezed = (sizes: readonly number[]) => sizes.filter((size) => size !== 1).join();
  const own = { ...x, shape };
  if (shape[0] === batch && x.shape[0] === batch && !x.channelsLast) {
    // Axes of one come and go, where the channels stay the second axis.
    if (squeezed(rest) === squeezed(from) && rest[0] === from[0]) return own;
    if (rest.length === 1) return { shape, layer: flattened(x.layer, at) };
    const shuffled = shuffledChannels(x.layer, rest);
    if (shuffled) return { shape, layer: layers.shuffle(shuffled.source, shuffled.groups, at) };
  }
  return { shape, layer: layers.layer('reshape', [x.layer], { at, shape }) };
}

const flattened = (x: Layer<Constant>, at: string): Layer<Constant> =>
  x.kind === 'reshape' || x.kind === 'transpose'
    ? layers.layer('reshape', [x], { at, shape: [sizeOf(x.shape)] })
    : layers.flatten(x, at);

/** [channels, ...] -> [groups, channels of a group, ...] -> the first two exchanged -> [channels, ...] */
function shuffledChannels(x: Layer<Constant>, shape: readonly number[]) {
  const [split] = x.inputs;
  const [source] = split?.inputs ?? [];
  if (x.kind !== 'transpose' || split?.kind !== 'reshape' || !source) return undefined;
  const order = x.settings.order as readonly number[];
  const [, groups = 0, each = 0, ...size] = split.shape;
  const isExchange = order.every((axis, i) => axis === ([0, 2, 1][i] ?? i));
  const [channels = 0, ...own] = source.shape;
  const fits = groups * each === channels && sizeOf(size) === sizeOf(own) && shape.join() === source.shape.join();
  return isExchange && fits ? { source, groups } : undefined;
}

export function reshape(reader: NodeReader): Computed {
  const x = reader.computed();
  const wanted = (reader.numbers('shape') ?? reader.constant(1, 'shape').list()).map((size, axis) =>
    size === 0 && !reader.flag('allowzero', false) ? (x.shape[axis] ?? 0) : size,
  );
  reader.ignore('allowzero');
  const open = wanted.filter((size) => size === -1).length;
  const known = sizeOf(wanted.filter((size) => size !== -1));
  if (open > 1 || wanted.some((size) => !Number.isInteger(size) || size < -1))
    throw reader.refuse(`has shape ${wanted}`);
  return reshaped(
    reader,
    x,
    wanted.map((size) => (size === -1 ? sizeOf(x.shape) / known : size)),
  );
}

export function flatten(reader: NodeReader): Computed {
  const x = reader.computed();
  const axis = reader.number('axis', 1);
  const at = axis === x.shape.length ? axis : reader.axis(axis, x.shape.length);
  return reshaped(reader, x, [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at))]);
}

export function squeeze(reader: NodeReader): Computed {
  const x = reader.computed();
  const rank = x.shape.length;
  const axes = reader.axes('axes', 1)?.map((axis) => reader.axis(axis, rank));
  const gone = (size: number, axis: number) => (axes ? axes.includes(axis) : size === 1);
  if (axes?.some((axis) => x.shape[axis] !== 1)) throw reader.refuse(`has axes ${axes} for [${x.shape}]`);
  return reshaped(
    reader,
    x,
    x.shape.filter((size, axis) => !gone(size, axis)),
  );
}

export function unsqueeze(reader: NodeReader): Computed {
  const x = reader.computed();
  return reshaped(reader, x, reader.unsqueezed(x.shape));
}

export function transpose(reader: NodeReader): Computed {
  const x = reader.computed();
  const order = reader.numbers('perm') ?? x.shape.map((_, axis) => axis).reverse();
  if (order.toSorted((a, b) => a - b).some((axis, i) => axis !== i) || order.length !== x.shape.length) {
    throw reader.refuse(`has perm ${order} for ${x.shape.length} axes`);
  }
  const shape = order.map((axis) => x.shape[axis] ?? 0);
  if (order.every((axis, i) => axis === i)) return x;
  if (x.channelsLast) {
    if (order.join() !== '0,3,1,2') throw reader.refuse(`has perm ${order} for the images`);
    return { shape, layer: x.layer };
  }
  return { shape, layer: layers.layer('transpose', [x.layer], { at: reader.at, settings: { order }, shape }) };
}

export function concatenation(reader: NodeReader): Computed {
  const parts = reader.inputs.map((_, i) => reader.computed(i));
  const [first] = parts;
  const rank = first?.shape.length ?? 0;
  const axis = reader.axis(reader.number('axis', Number.NaN), rank);
  const others = (shape: readonly number[]) => shape.toSpliced(axis, 1).join();
  if (!first || parts.some(({ shape }) => others(shape) !== others(first.shape)))
    throw reader.refuse('joins maps of several sizes');
  if (parts.length === 1) return first;
  if (axis !== 1 || parts.some((one) => one.channelsLast))
    throw reader.refuse(`has axis ${axis}, and no network here joins so`);
  const shape = first.shape.with(
    1,
    parts.reduce((sum, one) => sum + (one.shape[1] ?? 0), 0),
  );
  const made = layers.layer(
    'concat',
    parts.map(({ layer }) => layer),
    { at: reader.at, shape: shape.slice(1) },
  );
  return { layer: made, shape };
}

/** Channels `from` to `to`; of another axis, only all of it. */
function part(reader: NodeReader, x: Computed, axis: number, from: number, to: number): Computed {
  const size = x.shape[axis] ?? 0;
  if (from === 0 && to === size) return x;
  if (axis !== 1 || x.channelsLast || from < 0 || to > size || from >= to) {
    throw reader.refuse(`takes ${from} to ${to} of axis ${axis} of [${x.shape}], and no network here does`);
  }
  return { layer: layers.slice(x.layer, from, to, reader.at), shape: x.shape.with(1, to - from) };
}

export function split(reader: NodeReader): Computed[] {
  const x = reader.computed();
  const axis = reader.axis(reader.number('axis', 0), x.shape.length);
  const size = x.shape[axis] ?? 0;
  const count = reader.number('num_outputs', reader.node.outputs.length);
  const each = Math.ceil(size / count);
  const sizes = reader.axes('split', 1) ?? Array.from({ length: count }, (_, i) => Math.min(each, size - each * i));
  if (
    sizes.length !== reader.node.outputs.length ||
    sizes.reduce((a, b) => a + b, 0) !== size ||
    sizes.some((one) => !(one > 0))
  ) {
    throw reader.refuse(`splits ${size} into ${sizes}`);
  }
  let from = 0;
  return sizes.map((one) => {
    from += one;
    return part(reader, x, axis, from - one, from);
  });
}

export function slice(reader: NodeReader): Computed {
  let x = reader.computed();
  const rank = x.shape.length;
  const starts = reader.axes('starts', 1) ?? [];
  const ends = reader.axes('ends', 2) ?? [];
  const axes = reader.axes('axes', 3) ?? starts.map((_, i) => i);
  const steps = reader.optional(4, 'steps')?.list() ?? starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.some((step) => step !== 1)) {
    throw reader.refuse(`has starts ${starts}, ends ${ends} and steps ${steps}`);
  }
  for (const [i, given] of axes.entries()) {
    const axis = reader.axis(given, rank);
    const size = x.shape[axis] ?? 0;
    const bound = (value = 0) => Math.min(Math.max(value < 0 ? value + size : value, 0), size);
    x = part(reader, x, axis, bound(starts[i]), bound(ends[i]));
  }
  return x;
}

/** ReduceMean over all pixels, and the length of a vector. */
export function reduction(reader: NodeReader): Computed {
  const x = reader.computed();
  const rank = x.shape.length;
  const given = reader.axes('axes', 1);
  const keeps = reader.flag('keepdims', true);
  if (reader.flag('noop_with_empty_axes', false) && !given?.length) return x;
  const axes = (given?.length ? given : x.shape.map((_, axis) => axis)).map((axis) => reader.axis(axis, rank));
  const key = [...new Set(axes)].sort((a, b) => a - b).join();
  const shape = x.shape.flatMap((size, axis) => (axes.includes(axis) ? (keeps ? [1] : []) : [size]));
  if (reader.op === 'ReduceMean' && rank === 4 && !x.channelsLast && key === '2,3') {
    return { shape, layer: layers.mean(x.layer, reader.at) };
  }
  const [source] = x.layer.inputs;
  const isFlat = x.layer.kind === 'reshape' && source?.shape.length === 3 && source.shape[0] === x.shape[1];
  if (reader.op === 'ReduceMean' && rank === 3 && isFlat && source && key === '2' && x.shape[0] === reader.batch) {
    return { shape, layer: layers.mean(source, reader.at) };
  }
  if (reader.op === 'ReduceL2' && rank === 2 && key === '1') {
    return { shape, layer: layers.layer('length', [x.layer], { at: reader.at, shape: [1] }) };
  }
  throw reader.refuse(`reduces the axes ${key} of [${x.shape}], and no network here does`);
}

export function globalPool(reader: NodeReader): Computed {
  const x = reader.computed();
  const [batch = 0, channels = 0, ...size] = x.shape;
  if (size.length !== 2 || x.channelsLast) throw reader.refuse(`gets [${x.shape}], which is no batch of maps`);
  return { shape: [batch, channels, 1, 1], layer: layers.mean(x.layer, reader.at) };
}

/** Repeats what has axes of one. */
export function expand(reader: NodeReader): Computed {
  const x = reader.computed();
  const shape = broadcastShape([x.shape, reader.constant(1, 'shape').list()]);
  if (!shape || shape.length !== x.shape.length)
    throw reader.refuse(`repeats [${x.shape}] in another way than networks do`);
  if (shape.join() === x.shape.join()) return x;
  return { shape, layer: layers.layer('expand', [x.layer], { at: reader.at, shape: shape.slice(1) }) };
}

/** Shape and Size, whose result does not depend on the images. */
export function shapeOf(reader: NodeReader): Constant {
  const [x] = reader.inputs;
  if (!x) throw reader.refuse('has no input');
  if (reader.op === 'Size') return Constant.numbers([sizeOf(x.shape)], true, []);
  const rank = x.shape.length;
  const bound = (value: number) => Math.min(Math.max(value < 0 ? value + rank : value, 0), rank);
  const [start, end] = [bound(reader.number('start', 0)), bound(reader.number('end', rank))];
  return Constant.numbers(x.shape.slice(start, end));
}
