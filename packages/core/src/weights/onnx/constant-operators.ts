/** What a graph computes of stored numbers alone: sizes, axes, and weights that it transposes or scales. */
import { broadcast, broadcastShape, Constant, gathered, sizeOf, stridesOf } from './constant';
import type { NodeReader } from './node-reader';

type Operator = (reader: NodeReader, first: Constant) => Constant;

const mapping =
  (change: (value: number) => number): Operator =>
  (_, x) =>
    x.mapped(change);

/** Two constants, broadcast to one shape. */
const pairing =
  (combine: (a: number, b: number, isInteger: boolean) => number): Operator =>
  (reader, first) =>
    reader.inputs.slice(1).reduce((a: Constant, _, i) => {
      const b = reader.constant(i + 1, 'operand');
      const shape = broadcastShape([a.shape, b.shape]);
      if (!shape) throw reader.refuse(`combines [${a.shape}] and [${b.shape}]`);
      const isInteger = a.isInteger && b.isInteger;
      return new Constant(shape, isInteger, a.size >= b.size ? a.name : b.name, () => {
        const right = broadcast(b, shape);
        return broadcast(a, shape).map((value, index) => combine(value, right[index] ?? Number.NaN, isInteger));
      });
    }, first);

const reshaped = (reader: NodeReader, x: Constant, shape: readonly number[]): Constant => {
  if (sizeOf(shape) !== x.size) throw reader.refuse(`makes [${shape}] of [${x.shape}]`);
  return x.shaped(shape);
};

function reshape(reader: NodeReader, x: Constant): Constant {
  const zero = reader.flag('allowzero', false);
  const wanted = reader.constant(1, 'shape').list();
  const shape = wanted.map((size, axis) => (size === 0 && !zero ? (x.shape[axis] ?? 0) : size));
  const known = sizeOf(shape.filter((size) => size !== -1));
  return reshaped(
    reader,
    x,
    shape.map((size) => (size === -1 ? x.size / known : size)),
  );
}

function squeeze(reader: NodeReader, x: Constant): Constant {
  const axes = reader.axes('axes', 1)?.map((axis) => reader.axis(axis, x.shape.length));
  return reshaped(
    reader,
    x,
    x.shape.filter((size, axis) => (axes ? !axes.includes(axis) : size !== 1)),
  );
}

function unsqueeze(reader: NodeReader, x: Constant): Constant {
  return reshaped(reader, x, reader.unsqueezed(x.shape));
}

function concat(reader: NodeReader): Constant {
  const parts = reader.inputs.map((_, i) => reader.constant(i, 'part'));
  const [first] = parts;
  if (!first || reader.axis(reader.number('axis', 0), first.shape.length) !== 0)
    throw reader.refuse('joins stored numbers');
  const [, ...rest] = first.shape;
  const count = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const isInteger = parts.every((one) => one.isInteger);
  return new Constant([count, ...rest], isInteger, first.name, () => parts.flatMap((one) => Array.from(one.values())));
}

function gather(reader: NodeReader, x: Constant): Constant {
  const indices = reader.constant(1, 'indices');
  if (reader.axis(reader.number('axis', 0), x.shape.length) !== 0) throw reader.refuse('has another axis than 0');
  const [rows = 0, ...rest] = x.shape;
  const each = sizeOf(rest);
  const chosen = indices.list().map((index) => (index < 0 ? index + rows : index));
  if (chosen.length !== indices.size || chosen.some((index) => !(index >= 0 && index < rows))) {
    throw reader.refuse(`has indices outside of [${x.shape}]`);
  }
  return new Constant([...indices.shape, ...rest], x.isInteger, x.name, () => {
    const values = Array.from(x.values());
    return chosen.flatMap((index) => values.slice(index * each, (index + 1) * each));
  });
}

function slice(reader: NodeReader, x: Constant): Constant {
  const starts = reader.axes('starts', 1) ?? [];
  const ends = reader.axes('ends', 2) ?? [];
  const axes = reader.axes('axes', 3) ?? starts.map((_, i) => i);
  const steps = reader.optional(4, 'steps')?.list() ?? starts.map(() => 1);
  const strides = stridesOf(x.shape);
  const shape = [...x.shape];
  let offset = 0;
  for (const [i, given] of axes.entries()) {
    const axis = reader.axis(given, shape.length);
    const size = shape[axis] ?? 0;
    const bound = (value = 0) => Math.min(Math.max(value < 0 ? value + size : value, 0), size);
    const [from, to] = [bound(starts[i]), bound(ends[i])];
    if (steps[i] !== 1) throw reader.refuse(`has steps ${steps}`);
    shape[axis] = Math.max(0, to - from);
    offset += from * (strides[axis] ?? 0);
  }
  return new Constant(shape, x.isInteger, x.name, () => gathered(Array.from(x.values()).slice(offset), shape, strides));
}

function expand(reader: NodeReader, x: Constant): Constant {
  const shape = broadcastShape([x.shape, reader.constant(1, 'shape').list()]);
  if (!shape) throw reader.refuse(`repeats [${x.shape}]`);
  return limited(reader, new Constant(shape, x.isInteger, x.name, () => broadcast(x, shape)));
}

/** @throws UserError for more numbers than a graph's sizes and biases have */
function limited(reader: NodeReader, made: Constant): Constant {
  if (!made.shape.every((size) => Number.isInteger(size) && size >= 0) || made.size > 1e6) {
    throw reader.refuse(`makes [${made.shape}]`);
  }
  return made;
}

function filled(reader: NodeReader, shape: Constant): Constant {
  const value = reader.constantAttribute('value') ?? Constant.numbers([0], false);
  const own = shape.list();
  return limited(
    reader,
    new Constant(own, value.isInteger, '', () => new Float64Array(sizeOf(own)).fill(value.list()[0] ?? 0)),
  );
}

function cast(reader: NodeReader, x: Constant): Constant {
  const to = reader.number('to', 0);
  reader.ignore('saturate', 'round_mode');
  const isFloat = [1, 10, 11, 16].includes(to);
  if (!isFloat && ![2, 3, 4, 5, 6, 7, 9, 12, 13].includes(to)) throw reader.refuse(`has the type ${to}`);
  return isFloat
    ? x.mapped((value) => value, false)
    : x.mapped(to === 9 ? (one) => (one === 0 ? 0 : 1) : Math.trunc, true);
}

function transpose(reader: NodeReader, x: Constant): Constant {
  const order = reader.numbers('perm') ?? x.shape.map((_, axis) => axis).reverse();
  if (order.length !== x.shape.length || order.toSorted((a, b) => a - b).some((axis, i) => axis !== i)) {
    throw reader.refuse(`has perm ${order} for ${x.shape.length} axes`);
  }
  return x.transposed(order);
}

export const constantOperators: Readonly<Record<string, Operator>> = {
  Identity: (_, x) => x,
  Cast: cast,
  CastLike: (reader, x) => x.mapped((value) => value, reader.constant(1, 'type').isInteger),
  Reshape: reshape,
  Flatten: (reader, x) => {
    const axis = reader.number('axis', 1);
    return reshaped(reader, x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]);
  },
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concat,
  Gather: gather,
  Slice: slice,
  Expand: expand,
  ConstantOfShape: filled,
  Add: pairing((a, b) => a + b),
  Sub: pairing((a, b) => a - b),
  Mul: pairing((a, b) => a * b),
  Div: pairing((a, b, isInteger) => (isInteger ? Math.trunc(a / b) : a / b)),
  Pow: pairing((a, b) => a ** b),
  Min: pairing((a, b) => Math.min(a, b)),
  Max: pairing((a, b) => Math.max(a, b)),
  Mod: pairing((a, b) => ((a % b) + b) % b),
  Equal: pairing((a, b) => (a === b ? 1 : 0)),
  Sqrt: mapping(Math.sqrt),
  Reciprocal: mapping((value) => 1 / value),
  Neg: mapping((value) => -value),
  Abs: mapping(Math.abs),
  Floor: mapping(Math.floor),
  Ceil: mapping(Math.ceil),
  Where: (reader, condition) => {
    const [yes, no] = [reader.constant(1, 'operand'), reader.constant(2, 'operand')];
    const shape = broadcastShape([condition.shape, yes.shape, no.shape]);
    if (!shape) throw reader.refuse(`combines [${yes.shape}] and [${no.shape}]`);
    return new Constant(shape, yes.isInteger, yes.name, () => {
      const [a, b] = [broadcast(yes, shape), broadcast(no, shape)];
      return broadcast(condition, shape).map((one, i) => (one === 0 ? (b[i] ?? 0) : (a[i] ?? 0)));
    });
  },
};
