/** Matrix products, biases and batch norms. */
import { type Floats, transposed } from '../graph';
import { attribute, type RecordedNode } from '../recording';
import { madeBy, type Operation, refused } from './lowering';

const flagOf = (node: RecordedNode, ...names: readonly string[]): boolean =>
  names.some((name) => attribute(node, name) === true);

const product: Operation = (node, lowering) => {
  const made = madeBy(node, lowering);
  const [first, second] = [0, 1].map((i) => lowering.operand(node, i)) as [string | Floats, string | Floats];
  const turned = {
    first: flagOf(node, 'adj_x', 'transpose_a'),
    second: flagOf(node, 'adj_y', 'transpose_b'),
  };
  if (made.shape.length !== 2) throw refused(node, 'a product of other tensors than matrices is not known');
  if (typeof first === 'string' && typeof second !== 'string' && !turned.first) {
    const weight = turned.second ? transposed(second) : second;
    lowering.put({ ...made, kind: 'linear', x: first, weight });
    return;
  }
  if (typeof first !== 'string' && typeof second === 'string') {
    // A x is the transpose of x' A'.
    const x = turned.second ? second : `${node.name}_columns`;
    const { shape } = { shape: lowering.shapeOf(second) };
    if (!turned.second) {
      lowering.put({
        output: x,
        shape: shape.toReversed(),
        site: node.site,
        kind: 'transpose',
        x: second,
        order: [1, 0],
      });
    }
    const rows = `${node.name}_rows`;
    const weight = turned.first ? first : transposed(first);
    lowering.put({ output: rows, shape: made.shape.toReversed(), site: node.site, kind: 'linear', x, weight });
    lowering.put({ ...made, kind: 'transpose', x: rows, order: [1, 0] });
    return;
  }
  throw refused(node, 'both factors of its product depend on the images');
};

const bias: Operation = (node, lowering) => {
  const made = madeBy(node, lowering);
  const x = lowering.input(node, 0);
  const values = lowering.weight(node, 1, 'its bias');
  const before = lowering.layerOf(x);
  const takes = (before?.kind === 'convolution' || before?.kind === 'linear') && !before.bias;
  if (takes && lowering.isReadOnce(x)) lowering.put({ ...before, ...made, bias: values });
  else lowering.put({ ...made, kind: 'binary', op: 'add', a: x, b: values });
};

const batchNorm: Operation = (node, lowering) => {
  if (attribute(node, 'is_training') === true) throw refused(node, 'a batch norm by the statistics of the batch');
  const [gamma, beta, mean, variance] = ['scale', 'offset', 'mean', 'variance'].map(
    (what, i) => lowering.weight(node, i + 1, `its ${what}`).values,
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const epsilon = attribute(node, 'epsilon') as number;
  const scale = Float32Array.from(gamma, (value, i) => value / Math.sqrt((variance[i] as number) + epsilon));
  const offset = Float32Array.from(beta, (value, i) => value - (mean[i] as number) * (scale[i] as number));
  const vector = (values: Float32Array): Floats => ({ shape: [values.length], values });
  lowering.put({
    ...madeBy(node, lowering),
    kind: 'affine',
    x: lowering.input(node, 0),
    scale: vector(scale),
    offset: vector(offset),
  });
};

export const matrixOperations: Readonly<Record<string, Operation>> = {
  MatMul: product,
  BatchMatMulV2: product,
  BiasAdd: bias,
  FusedBatchNormV3: batchNorm,
};
