/**
 * A graph as ONNX. The input's first nodes are a subtraction and a multiplication for the normalisation of pixels, whose
 * names (Sub_0, Mul_1) tell insightface's loader (arcface_onnx.py) that it must not normalise pixels itself.
 */

import type { Bytes } from '../../runtime/compile/protobuf';
import { type Graph, type Shape, shapesOf } from '../graph';
import type { Ranges } from '../ranges';
import type { WeightType } from '../weights';
import { OnnxBuilder } from './builder';
import { writeLayer } from './layers';
import { encodeModel, type OnnxValue } from './proto';

export interface OnnxOptions {
  readonly weights: WeightType;
  /** The ranges of activations that are stored in 8 bits. */
  readonly ranges?: Ranges | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** The name of the file beside the model that takes the tensors of a model of more than 2 GB. */
  readonly tensorsFile: string;
  /** The most bytes of a model; for tests. */
  readonly largest?: number;
}

/** @returns the parts of the model's file, and of the file of its tensors where it needs one */
export function writeOnnx(
  graph: Graph,
  { weights, ranges, metadata, tensorsFile, largest }: OnnxOptions,
): { readonly model: readonly Bytes[]; readonly tensors: readonly Bytes[] } {
  const { input, layers, outputs } = graph;
  const model = new OnnxBuilder(graph, weights, ranges);
  model.made(input.name, input.name);
  for (const layer of layers) writeLayer(layer, model);
  const shapes = shapesOf(graph);
  const declared: OnnxValue[] = [...outputs].map(([name, value]) => {
    model.add('Identity', [model.get(value)], name);
    return { name, type: 'float32', shape: declaredShape(shapes.get(value) ?? []) };
  });
  const given: OnnxValue = { name: input.name, type: input.dtype, shape: declaredShape(input.shape) };
  const { nodes, tensors } = model;
  return encodeModel({ nodes, tensors, inputs: [given], outputs: declared, metadata }, tensorsFile, largest);
}

/** A size that follows the batch has a name. */
const declaredShape = (shape: Shape): readonly (number | string)[] =>
  shape.map((size) => (typeof size === 'number' ? size : size.perImage === 1 ? 'batch' : `${size.perImage}batch`));
