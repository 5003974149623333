import type { Bytes } from '../../runtime/compile/protobuf';
import type { Graph } from '../graph';
import type { WeightType } from '../weights';
import { TfliteBuilder } from './builder';
import { encodeModel } from './encode';
import { writeLayer } from './layers';

export interface TfliteOptions {
  readonly weights: WeightType;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * A graph as TensorFlow Lite's format, for LiteRT. It takes one picture, as LiteRT.js and most delegates want it: all sizes are
 * fixed. No operator names the batch, so that an interpreter that can change the size of its input takes any number.
 * @returns the parts of the file
 * @throws UserError for a model of more than 2 GB
 */
export function writeTflite(graph: Graph, { weights, metadata }: TfliteOptions): readonly Bytes[] {
  const model = new TfliteBuilder(graph, weights);
  for (const layer of graph.layers) writeLayer(layer, model);
  const { name } = graph.input;
  return encodeModel({
    tensors: model.tensors,
    operators: model.operators,
    input: { name, tensor: model.get(name) },
    outputs: [...graph.outputs].map(([output, value]) => ({ name: output, tensor: model.get(value) })),
    metadata,
  });
}
