/**
 * From TensorFlow's operations to the layers of a graph. Files of operations lower one operation each; files of patterns make
 * one layer of several, which then every format has a word for.
 */
import { type Graph, needed } from '../graph';
import type { Recording } from '../recording';
import { elementwiseOperations } from './elementwise';
import { grouped } from './grouped';
import { Lowering, type Operation, type Pattern, refused } from './lowering';
import { matrixOperations } from './matrices';
import { colours } from './normalisation';
import { paddedWindow, subsampledConvolution } from './padded-window';
import { prelu } from './prelu';
import { shapeOperations } from './shapes';
import { softmax } from './softmax';
import { windowOperations } from './windows';
import { sameReshape, undone } from './without-effect';

const operations: Readonly<Record<string, Operation>> = {
  ...windowOperations,
  ...matrixOperations,
  ...elementwiseOperations,
  ...shapeOperations,
};

const patterns: readonly Pattern[] = [
  paddedWindow,
  subsampledConvolution,
  grouped,
  prelu,
  colours,
  sameReshape,
  undone,
  softmax,
];

/**
 * The graph of a recording, with the pixels [batch, height, width, 3] 0..255 as its input.
 * @throws UserError that names an operation without counterpart, and its line
 */
export function lower(recording: Recording): Graph {
  const lowering = new Lowering(recording, patterns);
  for (const node of recording.nodes) {
    const operation = operations[node.op];
    if (!operation) {
      throw refused(node, `the operation ${node.op} has no counterpart in the formats`);
    }
    operation(node, lowering);
  }
  const outputs = new Map([...recording.outputs].map(([name, value]) => [name, lowering.nameOf(value)]));
  return {
    input: { name: recording.input, dtype: 'float32', shape: lowering.shapeOf(recording.input) },
    layers: needed(lowering.layers, outputs.values()),
    outputs,
  };
}
