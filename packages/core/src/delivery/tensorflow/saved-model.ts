/**
 * SavedModels (tensorflow/core/protobuf/{saved_model,meta_graph}.proto) of one signature, `serving_default`. The weights are
 * constants of the graph, so that the model is one file.
 */
import { DType } from '../../runtime/binding';
import { graphParts } from '../../runtime/compile/graph-def';
import { type Bytes, integer, message, text } from '../../runtime/compile/protobuf';
import type { Endpoint, TensorFlowGraph } from './write';

export const signatureName = 'serving_default';
export const servingTag = 'serve';

/** The parts of `saved_model.pb`. */
export function savedModelParts({ nodes, input, outputs }: TensorFlowGraph): readonly Bytes[] {
  const signature = [
    ...entry(1, input.name, tensorInfo(input)),
    ...outputs.flatMap((output) => entry(2, output.name, tensorInfo(output))),
    ...text(3, 'tensorflow/serving/predict'),
  ];
  const metaGraph = [
    ...message(1, [...text(4, servingTag), ...text(5, '2.21.0')]),
    ...message(2, graphParts(nodes)),
    ...entry(5, signatureName, signature),
  ];
  return [...integer(1, 1), ...message(2, metaGraph)];
}

const entry = (field: number, key: string, value: readonly Bytes[]): Bytes[] =>
  message(field, [...text(1, key), ...message(2, value)]);

function tensorInfo({ name, dtype, shape }: Endpoint): Bytes[] {
  const sizes = shape.flatMap((size) => message(2, integer(1, size)));
  return [...text(1, `${name}:0`), ...integer(2, DType[dtype]), ...message(3, sizes)];
}
