import { join } from 'node:path';
import type { OutputName } from 'headshare-student/card';
import { exportNetwork } from '../delivery/export-network';
import onnx from '../delivery/formats/onnx';
import { makeCard, usualOutputs } from '../delivery/make-card';
import { type DescribedNetwork, type GraphOptions, inputName } from '../delivery/network-graph';
import type { NetworkDescription } from '../nn/network';
import { imageInput } from '../runtime/compile/step-inputs';
import { type ImageSize, sides } from '../system/image-size';
import { UserError } from '../system/user-error';
import type { TensorSpec } from '../tracking/journal/event';
import type { Task } from '../train/evaluation/task';
import { parameterShapes } from '../weights/parameter-shapes';

/** The network of a stage as ONNX, beside its checkpoint: MLflow's own flavours load it. */
export const servableFile = 'network.onnx';

/**
 * Writes a finished network as ONNX into its stage's folder, for bytes [batch, height, width, 3].
 * @param image the RGB bytes of an image, on which its outputs must be the network's own
 * @throws UserError if they differ, or if it is too large for one file
 */
export async function writeServable(
  folder: string,
  network: DescribedNetwork,
  { usage, train }: Task,
  image: Uint8Array,
): Promise<{ readonly file: string; readonly outputs: readonly TensorSpec[] }> {
  const { description } = network;
  const outputs = usualOutputs(description.head);
  const options: GraphOptions = { input: 'bytes', outputs, mirror: false, teacherSpace: false };
  const { kind: task, preparation, classNames, caution } = usage ?? {};
  const { files } = await exportNetwork({
    network,
    options,
    card: makeCard(description, { task, preparation, classNames, caution }, options, 'float32'),
    weights: 'float32',
    format: onnx,
    to: join(folder, servableFile),
    pictures: { bytes: image, title: `an image of ${train.name}` },
  });
  const [file, ...others] = files;
  if (!file || others.length > 0) throw new UserError('it has more than 2 GB, too much for one file of ONNX', 1);
  return { file, outputs: outputTensors(description, outputs) };
}

/** The outputs of an exported network, for MLflow's signatures. */
export function outputTensors(description: NetworkDescription, outputs: readonly OutputName[]): readonly TensorSpec[] {
  const sizes = {
    embedding: parameterShapes(description).embeddingSize,
    logits: description.classes,
    probabilities: description.classes,
  };
  return outputs.map((name) => ({ name, dtype: 'float32', shape: [-1, sizes[name]] }));
}

/** Its input, RGB bytes. */
export const inputTensor = ({ inputSize }: NetworkDescription): TensorSpec => ({
  name: inputName,
  ...imageInput(-1, inputSize),
});

/** The bytes of an image as [height, width, 3], for MLflow's examples. */
export function nestedPixels(bytes: Uint8Array, size: ImageSize): readonly (readonly (readonly number[])[])[] {
  const { height, width } = sides(size);
  const pixel = (at: number) => Array.from(bytes.subarray(3 * at, 3 * at + 3));
  const row = (y: number) => Array.from({ length: width }, (_, x) => pixel(y * width + x));
  return Array.from({ length: height }, (_, y) => row(y));
}
