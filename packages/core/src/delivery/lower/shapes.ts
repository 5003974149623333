/** Operations that move values without changing them. */
import type { Pads, Shape } from '../graph';
import { attribute } from '../recording';
import { madeBy, type Operation, refused } from './lowering';

const reshape: Operation = (node, lowering) =>
  lowering.put({ ...madeBy(node, lowering), kind: 'reshape', x: lowering.input(node, 0) });

const transpose: Operation = (node, lowering) => {
  const order = lowering.integers(node, 1, 'its order');
  lowering.put({ ...madeBy(node, lowering), kind: 'transpose', x: lowering.input(node, 0), order });
};

const pad: Operation = (node, lowering) => {
  const around = lowering.integers(node, 1, 'its padding');
  const [n0, n1, top, bottom, left, right, c0, c1] = around;
  if (around.length !== 8 || [n0, n1, c0, c1].some((size) => size !== 0)) {
    throw refused(node, 'padding along other axes than height and width is not known');
  }
  const value = node.op === 'Pad' ? 0 : (lowering.weight(node, 2, 'its value').values[0] as number);
  const pads = [top, left, bottom, right] as readonly number[] as Pads;
  lowering.put({ ...madeBy(node, lowering), kind: 'pad', x: lowering.input(node, 0), pads, value });
};

/** runtime/ops/convolution/conv2d.ts's `subsample`, whose masks select all of a map. */
const strided: Operation = (node, lowering) => {
  const [n, down, right, c] = lowering.integers(node, 3, 'its steps') as [number, number, number, number];
  const isWhole = attribute(node, 'begin_mask') === 15 && attribute(node, 'end_mask') === 15;
  if (!isWhole || n !== 1 || c !== 1) throw refused(node, 'a slice with steps is known of whole maps alone');
  lowering.put({ ...madeBy(node, lowering), kind: 'subsample', x: lowering.input(node, 0), stride: [down, right] });
};

const concat: Operation = (node, lowering) => {
  const made = madeBy(node, lowering);
  const [axis] = lowering.integers(node, -1, 'its axis') as [number];
  const xs = node.inputs.slice(0, -1).map((input) => lowering.nameOf(input));
  const rank = made.shape.length;
  if (xs.some((x) => lowering.floats(x))) throw refused(node, 'constants beside values that depend on the images');
  lowering.put({ ...made, kind: 'concat', xs, axis: (axis + rank) % rank });
};

/** A slice for each part. */
const split: Operation = (node, lowering) => {
  const [value, at] = node.op === 'SplitV' ? [0, 2] : [1, 0];
  const x = lowering.input(node, value);
  const whole = lowering.shapeOf(x);
  const [axis] = lowering.integers(node, at, 'its axis') as [number];
  const along = (axis + whole.length) % whole.length;
  let begin = 0;
  for (let i = 0; ; i++) {
    const output = i === 0 ? node.name : `${node.name}:${i}`;
    const shape = lowering.recording.shapes.get(output);
    if (!shape) return;
    const size = shape[along];
    if (typeof size !== 'number') throw refused(node, 'it splits the batch');
    lowering.put({ kind: 'slice', output, shape, site: node.site, x, axis: along, begin, end: begin + size });
    begin += size;
  }
};

const slice: Operation = (node, lowering) => {
  const made = madeBy(node, lowering);
  const x = lowering.input(node, 0);
  const whole = lowering.shapeOf(x);
  const begins = lowering.integers(node, 1, 'its beginning');
  const differs = (a: Shape, b: Shape, axis: number) => JSON.stringify(a[axis]) !== JSON.stringify(b[axis]);
  const cut = made.shape.flatMap((_, axis) => (differs(made.shape, whole, axis) ? [axis] : []));
  // A slice along several axes is several slices.
  let from = x;
  let shape = whole;
  for (const axis of cut) {
    const size = made.shape[axis];
    if (typeof size !== 'number') throw refused(node, 'it cuts the batch');
    const begin = begins[axis] as number;
    const output = axis === cut.at(-1) ? node.name : `${node.name}_${axis}`;
    shape = shape.with(axis, size);
    lowering.put({ kind: 'slice', output, shape, site: node.site, x: from, axis, begin, end: begin + size });
    from = output;
  }
  if (cut.length === 0) lowering.put({ ...made, kind: 'reshape', x });
};

const reverse: Operation = (node, lowering) => {
  const made = madeBy(node, lowering);
  const axes = lowering.integers(node, 1, 'its axes');
  const [axis] = axes as [number];
  if (axes.length !== 1) throw refused(node, 'it turns several axes around');
  lowering.put({
    ...made,
    kind: 'reverse',
    x: lowering.input(node, 0),
    axis: (axis + made.shape.length) % made.shape.length,
  });
};

export const shapeOperations: Readonly<Record<string, Operation>> = {
  Reshape: reshape,
  Squeeze: reshape,
  ExpandDims: reshape,
  Identity: reshape,
  Transpose: transpose,
  Pad: pad,
  PadV2: pad,
  StridedSlice: strided,
  ConcatV2: concat,
  Split: split,
  SplitV: split,
  Slice: slice,
  ReverseV2: reverse,
};
