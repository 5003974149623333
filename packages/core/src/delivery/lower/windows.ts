/** Convolutions and pools. */
import { type Convolution, type Pads, type Pool, sidesOf } from '../graph';
import { attribute, type RecordedNode } from '../recording';
import { type Lowering, madeBy, type Operation, pairOf, refused } from './lowering';

type Sides = readonly [number, number];

const convolution: Operation = (node, lowering) => {
  const made = madeBy(node, lowering);
  const weight = lowering.weight(node, 1, 'its filter');
  const [kh, kw, each, times] = weight.shape as readonly [number, number, number, number];
  const isDepthwise = node.op === 'DepthwiseConv2dNative';
  const stride = pairOf(node, 'strides');
  if (pairOf(node, 'dilations').some((step) => step !== 1)) throw refused(node, 'a dilated convolution is not known');
  const x = lowering.input(node, 0);
  const pads = padsOf(node, lowering, [kh, kw], stride);
  const layer: Convolution = {
    ...made,
    kind: 'convolution',
    x,
    filter: isDepthwise ? { shape: [kh, kw, 1, each * times], values: weight.values } : weight,
    stride,
    pads,
    groups: isDepthwise ? each : 1,
  };
  lowering.put(layer);
};

const pool: Operation = (node, lowering) => {
  const made = madeBy(node, lowering);
  const kernel = pairOf(node, 'ksize');
  const stride = pairOf(node, 'strides');
  const x = lowering.input(node, 0);
  const pads = padsOf(node, lowering, kernel, stride);
  const op = node.op === 'MaxPool' ? 'max' : 'average';
  const layer: Pool = { ...made, kind: 'pool', op, x, kernel, stride, pads };
  if (op === 'max' || pads.every((size) => size === 0)) {
    lowering.put(layer);
    return;
  }
  // TensorFlow leaves its own padding out of averages; here it counts as zeros.
  const zeros = `${node.name}_zeros`;
  lowering.put({ ...layer, output: zeros });
  const [height, width] = [0, 1].map((i) => wholeShares(layer, lowering, i as 0 | 1)) as [number[], number[]];
  const values = Float32Array.from(height.flatMap((down) => width.map((right) => down * right)));
  const factor = { shape: [1, height.length, width.length, 1], values };
  lowering.put({ ...made, kind: 'binary', op: 'multiply', a: zeros, b: factor });
};

/** For each window along an axis: its size by the size of its part inside the map. */
function wholeShares({ x, kernel, stride, pads, shape }: Pool, lowering: Lowering, axis: 0 | 1): number[] {
  const size = sidesOf(lowering.shapeOf(x))[axis];
  return Array.from({ length: sidesOf(shape)[axis] }, (_, i) => {
    const first = i * stride[axis] - pads[axis];
    return kernel[axis] / (Math.min(first + kernel[axis], size) - Math.max(first, 0));
  });
}

/** The padding in numbers, of which TensorFlow gives the name. */
function padsOf(node: RecordedNode, lowering: Lowering, kernel: Sides, stride: Sides): Pads {
  const padding = attribute(node, 'padding');
  if (padding === 'VALID') return [0, 0, 0, 0];
  if (padding !== 'SAME') throw refused(node, `the padding ${padding} is not known`);
  const size = sidesOf(lowering.shapeOf(lowering.input(node, 0)));
  const output = sidesOf(lowering.shapeOf(node.name));
  const total = (i: 0 | 1) => Math.max(0, (output[i] - 1) * stride[i] + kernel[i] - size[i]);
  return [Math.floor(total(0) / 2), Math.floor(total(1) / 2), Math.ceil(total(0) / 2), Math.ceil(total(1) / 2)];
}

export const windowOperations: Readonly<Record<string, Operation>> = {
  Conv2D: convolution,
  DepthwiseConv2dNative: convolution,
  MaxPool: pool,
  AvgPool: pool,
};
