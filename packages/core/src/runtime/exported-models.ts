/** Loads SavedModels and GraphModels of TensorFlow.js. */
import type { GraphModel, NamedTensorMap } from '@tensorflow/tfjs';
import type { Tensor } from './tensorflow';
import { tf } from './tensorflow';

export interface ExportedModel {
  /** Values for the one input, with its shape; the outputs by name. */
  run(values: Uint8Array | Float32Array, shape: readonly number[]): Promise<Readonly<Record<string, Float32Array>>>;
  dispose(): void;
}

interface SavedModel {
  predict(inputs: NamedTensorMap): NamedTensorMap;
  dispose(): void;
}

/** @param input the name of the signature's input */
export async function loadSavedModel(
  folder: string,
  tag: string,
  signature: string,
  input: string,
): Promise<ExportedModel> {
  const { node } = tf as unknown as {
    node: { loadSavedModel(path: string, tags: readonly string[], signature: string): Promise<SavedModel> };
  };
  const model = await node.loadSavedModel(folder, [tag], signature);
  return {
    run: async (values, shape) => read(values, shape, (image) => model.predict({ [input]: image })),
    dispose: () => model.dispose(),
  };
}

/** @param file its model.json */
export async function loadGraphModel(file: string, input: string): Promise<ExportedModel> {
  const model: GraphModel = await tf.loadGraphModel(`file://${file}`);
  const outputs = model.outputs.map(({ name }) => name);
  return {
    run: async (values, shape) =>
      read(values, shape, (image) => {
        const made = [model.execute({ [input]: image }, outputs)].flat();
        return Object.fromEntries(outputs.map((name, i) => [name.replace(/:0$/, ''), made[i] as Tensor]));
      }),
    dispose: () => model.dispose(),
  };
}

function read(
  values: Uint8Array | Float32Array,
  shape: readonly number[],
  run: (image: Tensor) => Readonly<Record<string, Tensor>>,
): Record<string, Float32Array> {
  // tfjs has no bytes; a SavedModel of bytes takes int32.
  const isBytes = Object.prototype.toString.call(values) === '[object Uint8Array]' || Buffer.isBuffer(values);
  const image = isBytes
    ? tf.tensor(Int32Array.from(values), [...shape], 'int32')
    : tf.tensor(values as Float32Array, [...shape], 'float32');
  const made = run(image);
  try {
    return Object.fromEntries(
      Object.entries(made).map(([name, tensor]) => [name, Float32Array.from(tensor.dataSync())]),
    );
  } finally {
    tf.dispose([image, ...Object.values(made)]);
  }
}
