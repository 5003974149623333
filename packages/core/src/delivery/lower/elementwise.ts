import type { BinaryOp, ElementwiseOp, Reduce } from '../graph';
import { attribute } from '../recording';
import { madeBy, type Operation, refused } from './lowering';

const names: Readonly<Record<string, ElementwiseOp>> = {
  Relu: 'relu',
  Relu6: 'relu6',
  Sigmoid: 'sigmoid',
  Exp: 'exp',
  Log: 'log',
  Sqrt: 'sqrt',
  Rsqrt: 'rsqrt',
  Square: 'square',
  Neg: 'neg',
  Abs: 'abs',
};

const binaryNames: Readonly<Record<string, BinaryOp>> = {
  Add: 'add',
  AddV2: 'add',
  Sub: 'subtract',
  Mul: 'multiply',
  RealDiv: 'divide',
  Maximum: 'maximum',
  Minimum: 'minimum',
};

const reductions: Readonly<Record<string, Reduce['op']>> = { Sum: 'sum', Mean: 'mean', Max: 'max' };

const unary: Operation = (node, lowering) => {
  const op = names[node.op] as ElementwiseOp;
  lowering.put({ ...madeBy(node, lowering), kind: 'elementwise', op, x: lowering.input(node, 0) });
};

const binary: Operation = (node, lowering) => {
  const op = binaryNames[node.op] as BinaryOp;
  const made = madeBy(node, lowering);
  lowering.put({ ...made, kind: 'binary', op, a: lowering.operand(node, 0), b: lowering.operand(node, 1) });
};

const reduce: Operation = (node, lowering) => {
  const x = lowering.input(node, 0);
  const rank = lowering.shapeOf(x).length;
  const axes = lowering.integers(node, 1, 'its axes').map((axis) => (axis + rank) % rank);
  const keep = attribute(node, 'keep_dims') === true;
  lowering.put({ ...madeBy(node, lowering), kind: 'reduce', op: reductions[node.op] as Reduce['op'], x, axes, keep });
};

/** min(max(x, low), high) */
const clip: Operation = (node, lowering) => {
  const made = madeBy(node, lowering);
  const [low, high] = [lowering.weight(node, 1, 'its lower bound'), lowering.weight(node, 2, 'its upper bound')];
  const raised = `${node.name}_raised`;
  lowering.put({ ...made, output: raised, kind: 'binary', op: 'maximum', a: lowering.input(node, 0), b: low });
  lowering.put({ ...made, kind: 'binary', op: 'minimum', a: raised, b: high });
};

const softmax: Operation = (node, lowering) => {
  lowering.put({ ...madeBy(node, lowering), kind: 'softmax', x: lowering.input(node, 0) });
};

const cast: Operation = (node, lowering) => {
  if (attribute(node, 'SrcT') !== attribute(node, 'DstT')) throw refused(node, 'it converts the type of its values');
  const { output, shape, site } = madeBy(node, lowering);
  lowering.put({ output, shape, site, kind: 'reshape', x: lowering.input(node, 0) });
};

const all = (operation: Operation, ops: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.keys(ops).map((op) => [op, operation]));

export const elementwiseOperations: Readonly<Record<string, Operation>> = {
  ...all(unary, names),
  ...all(binary, binaryNames),
  ...all(reduce, reductions),
  ClipByValue: clip,
  Softmax: softmax,
  Cast: cast,
};
