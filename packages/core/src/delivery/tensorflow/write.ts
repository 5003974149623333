/** A graph in TensorFlow's operations, for SavedModels and for TensorFlow.js. */
import { attr, type DType } from '../../runtime/binding';
import type { GraphNode } from '../../runtime/compile/graph-def';
import { type Graph, openSizes, shapesOf } from '../graph';
import type { WeightType } from '../weights';
import { type Dialect, floatType, TensorFlowBuilder } from './builder';
import { writeLayer } from './layers';

export interface Endpoint {
  /** The name in the signature, which is also the node's. */
  readonly name: string;
  readonly dtype: keyof typeof DType;
  /** -1 for a size that follows the batch. */
  readonly shape: readonly number[];
}

export interface TensorFlowGraph {
  readonly nodes: readonly GraphNode[];
  readonly input: Endpoint;
  readonly outputs: readonly Endpoint[];
}

export function writeTensorFlow(graph: Graph, dialect: Dialect, weights: WeightType): TensorFlowGraph {
  const model = new TensorFlowBuilder(graph, dialect, weights);
  // TensorFlow.js has no bytes.
  const dtype = graph.input.dtype === 'uint8' && dialect === 'tfjs' ? 'int32' : graph.input.dtype;
  const input: Endpoint = { name: graph.input.name, dtype, shape: openSizes(graph.input.shape) };
  model.add('Placeholder', [], input.name, [attr.type('dtype', dtype), attr.shape('shape', input.shape)]);
  for (const layer of graph.layers) writeLayer(layer, model);
  const shapes = shapesOf(graph);
  const outputs = [...graph.outputs].map(([name, value]): Endpoint => {
    model.add('Identity', [model.node(value)], name, [floatType]);
    return { name, dtype: 'float32', shape: openSizes(shapes.get(value) ?? []) };
  });
  return { nodes: model.nodes, input, outputs };
}
