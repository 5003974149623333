/** GraphModels of TensorFlow.js: `model.json` and its weights, as tf.loadGraphModel reads them. */
import { AttrKind, DType } from '../../runtime/binding';
import type { GraphNode, NodeAttr } from '../../runtime/compile/graph-def';
import type { Bytes } from '../../runtime/compile/protobuf';
import { bytesOf } from '../../system/bytes-of';
import { constantIn } from '../recording';
import { toHalf, type WeightType } from '../weights';
import type { Endpoint, TensorFlowGraph } from './write';

export const weightsFile = 'weights.bin';

export interface TfjsModel {
  /** The content of model.json. */
  readonly json: object;
  readonly weights: readonly Bytes[];
}

/** Constants of fewer numbers stay float32: biases, slopes and scalars. */
const smallConstant = 1024;

/** @param weights float16 halves the download, int8 makes it a quarter; TensorFlow.js computes in float32 */
export function tfjsModel(
  { nodes, input, outputs }: TensorFlowGraph,
  weights: WeightType,
  metadata: Readonly<Record<string, unknown>>,
): TfjsModel {
  const stored = nodes.filter(({ op }) => op === 'Const').map((node) => storedConstant(node, weights));
  return {
    json: {
      format: 'graph-model',
      generatedBy: 'headshare',
      convertedBy: null,
      signature: {
        inputs: { [input.name]: endpointJson(input) },
        outputs: Object.fromEntries(outputs.map((output) => [output.name, endpointJson(output)])),
      },
      modelTopology: { node: nodes.map(nodeJson), library: {}, versions: { producer: 1882 } },
      weightsManifest: [{ paths: [weightsFile], weights: stored.map(({ spec }) => spec) }],
      userDefinedMetadata: metadata,
    },
    weights: stored.map(({ bytes }) => bytes),
  };
}

function storedConstant(node: GraphNode, weights: WeightType): { readonly spec: object; readonly bytes: Bytes } {
  const { dtype, shape, values } = constantIn(node);
  if (dtype === DType.int8) {
    // TensorFlow.js knows uint8 alone, and decodes to stored * scale + min.
    const quantization = { dtype: 'uint8', original_dtype: 'float32', scale: 1, min: -128 };
    const bytes = Uint8Array.from(values as Uint8Array, (byte) => byte ^ 128);
    return { spec: { name: node.name, shape, dtype: 'float32', quantization }, bytes };
  }
  const isFloat = dtype === DType.float32;
  const spec = { name: node.name, shape, dtype: isFloat ? 'float32' : 'int32' };
  if (!isFloat || weights !== 'float16' || values.length < smallConstant) return { spec, bytes: bytesOf(values) };
  const quantization = { dtype: 'float16', original_dtype: 'float32' };
  return { spec: { ...spec, quantization }, bytes: bytesOf(toHalf(values as Float32Array)) };
}

const dtypeNames: ReadonlyMap<number, string> = new Map([
  [DType.float32, 'DT_FLOAT'],
  // As it is decoded.
  [DType.int8, 'DT_FLOAT'],
  [DType.int32, 'DT_INT32'],
  [DType.uint8, 'DT_UINT8'],
]);

const base64 = (value: string): string => Buffer.from(value, 'utf8').toString('base64');
const shapeJson = (shape: readonly number[]) => ({ dim: shape.map((size) => ({ size: String(size) })) });

const endpointJson = ({ name, dtype, shape }: Endpoint) => ({
  name: `${name}:0`,
  dtype: dtypeNames.get(DType[dtype]),
  tensorShape: shapeJson(shape),
});

const nodeJson = ({ name, op, inputs, attrs }: GraphNode) => ({
  name,
  op,
  ...(inputs.length > 0 && { input: inputs }),
  attr: Object.fromEntries(attrs.map((one) => [one.name, attributeJson(one)])),
});

function attributeJson(attribute: NodeAttr): object {
  if ('tensor' in attribute) {
    const { dtype, shape } = attribute.tensor;
    return { tensor: { dtype: dtypeNames.get(dtype), tensorShape: shapeJson(shape) } };
  }
  const { type, value } = attribute;
  const isList = Array.isArray(value);
  if (type === AttrKind.string) return isList ? { list: { s: value.map(base64) } } : { s: base64(value as string) };
  if (type === AttrKind.int) return isList ? { list: { i: value.map(String) } } : { i: String(value) };
  if (type === AttrKind.float) return { f: value };
  if (type === AttrKind.bool) return { b: value };
  if (type === AttrKind.type) return { type: dtypeNames.get(value as number) };
  return { shape: shapeJson(value as readonly number[]) };
}
