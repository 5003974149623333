import type { InputForm, OutputName } from 'headshare-student/card';
import { buildNetwork, type Network, type NetworkDescription } from '../nn/network';
import type { Normalisation } from '../nn/normalisation';
import { softmax } from '../runtime/ops/cross-entropy';
import { l2Normalise } from '../runtime/ops/normalise';
import { type NamedValues, State } from '../runtime/state';
import { scoped, type Tensor, type Tensor2D, type Tensor4D, tf } from '../runtime/tensorflow';
import { sides } from '../system/image-size';
import { concatenated } from './concatenated';
import type { Graph, Layer } from './graph';
import { lower } from './lower/lower';
import { recordInference } from './record';

/** What of a network is exported, and how it takes images. */
export interface GraphOptions {
  readonly input: InputForm;
  readonly outputs: readonly OutputName[];
  /** The embedding is the sum of those of image and mirror image, of length 1. */
  readonly mirror: boolean;
  /** The embedding is mapped to the teacher's space. */
  readonly teacherSpace: boolean;
}

/** The name of an exported model's input. */
export const inputName = 'image';

/** Pictures of more pixels are computed one by one. */
const largeArea = 64 * 64;

/** Leaves pixels as they are. */
const none: Normalisation = { mean: [0, 0, 0], deviation: [1 / 255, 1 / 255, 1 / 255] };

export interface DescribedNetwork {
  readonly description: NetworkDescription;
  readonly tensors: ReadonlyMap<string, NamedValues>;
  /** The file that they come from, for errors. */
  readonly file: string;
}

/** The graph of a network in use. @throws UserError for an operation that no format has, with its line */
export function networkGraph(described: DescribedNetwork, options: GraphOptions): Graph {
  const { height, width } = sides(described.description.inputSize);
  const body = (network: Network) => (pixels: Tensor4D) => outputsOf(network, embed(network, pixels, options), options);
  return inState(described, options.input === 'normalised-nchw', (state, network) =>
    withInput(lower(recordInference(state, [height, width, 3], body(network))), options.input),
  );
}

/**
 * What the network itself makes of pictures, which an exported model is held against.
 * @param pictures bytes [count, height, width, 3]
 */
export function networkResults(
  described: DescribedNetwork,
  options: GraphOptions,
  pictures: Uint8Array,
): Readonly<Record<string, Float32Array>> {
  const { height, width } = sides(described.description.inputSize);
  const size = height * width * 3;
  return inState(described, false, (_, network) => {
    const parts = new Map<string, Float32Array[]>();
    // A deep network's maps of eight large pictures together take more than a gigabyte.
    const atOnce = height * width > largeArea ? 1 : Math.max(1, pictures.length / size);
    for (let from = 0; from < pictures.length; from += atOnce * size) {
      const part = pictures.subarray(from, from + atOnce * size);
      // The folded weights of the backbone are freed before the head is computed.
      const { shape, values } = scoped(() => {
        const pixels = tf.tensor4d(Float32Array.from(part), [part.length / size, height, width, 3]);
        const embedding = embed(network, pixels, options);
        return { shape: embedding.shape, values: embedding.dataSync().slice() };
      });
      scoped(() => {
        for (const [name, tensor] of Object.entries(outputsOf(network, tf.tensor2d(values, shape), options))) {
          parts.set(name, [...(parts.get(name) ?? []), Float32Array.from(tensor.dataSync())]);
        }
      });
    }
    return Object.fromEntries([...parts].map(([name, rows]) => [name, concatenated(rows)]));
  });
}

/** Builds the network for the time of `body`. @param plain without its normalisation */
function inState<R>(
  { description, tensors, file }: DescribedNetwork,
  plain: boolean,
  body: (state: State, network: Network) => R,
): R {
  const state = new State();
  try {
    const network = buildNetwork(
      state,
      'network',
      { ...description, ...(plain && { normalisation: none }) },
      undefined,
    );
    network.load(tensors, file);
    return body(state, network);
  } finally {
    state.dispose();
  }
}

/** The embedding of pixels 0..255 [batch, height, width, 3]; with `mirror` those of the mirror images follow. */
function embed(network: Network, pixels: Tensor4D, { mirror }: Pick<GraphOptions, 'mirror'>): Tensor2D {
  // In one batch, so that the file holds one network.
  const images = mirror ? (tf.concat([pixels, tf.reverse(pixels, 2)]) as Tensor4D) : pixels;
  return network.embed(images, 'eval').embedding;
}

/** The wanted outputs of a network for what `embed` gives. */
function outputsOf(
  network: Network,
  embedding: Tensor2D,
  { outputs, mirror, teacherSpace }: Omit<GraphOptions, 'input'>,
): Record<string, Tensor> {
  const made: Record<string, Tensor> = {};
  if (outputs.includes('embedding')) {
    const mapped = teacherSpace ? network.toTeacherSpace(embedding) : embedding;
    made.embedding = mirror ? l2Normalise(tf.sum(halves(mapped), 0) as Tensor2D) : mapped;
  }
  if (outputs.some((output) => output !== 'embedding')) {
    const logits = network.predict(mirror ? firstHalf(embedding) : embedding);
    if (outputs.includes('logits')) made.logits = logits;
    if (outputs.includes('probabilities')) made.probabilities = softmax(logits);
  }
  return made;
}

/** [2 batch, size] -> [2, batch, size] */
const halves = (rows: Tensor2D): Tensor => tf.reshape(rows, [2, rows.shape[0] / 2, rows.shape[1]]);

function firstHalf(rows: Tensor2D): Tensor2D {
  const [double, size] = rows.shape;
  return tf.reshape(tf.slice(halves(rows), [0, 0, 0], [1, double / 2, size]), [double / 2, size]);
}

/** Puts what the input is before the pixels that the graph takes. */
function withInput({ input, layers, outputs }: Graph, form: InputForm): Graph {
  const [batch, height, width, channels] = input.shape as [Graph['input']['shape'][number], number, number, number];
  const pixels = { output: input.name, shape: input.shape, x: inputName };
  const first: Layer =
    form === 'bytes' ? { kind: 'cast', ...pixels } : { kind: 'transpose', ...pixels, order: [0, 2, 3, 1] };
  const shape = form === 'bytes' ? [batch, height, width, channels] : [batch, channels, height, width];
  return {
    input: { name: inputName, dtype: form === 'bytes' ? 'uint8' : 'float32', shape },
    layers: [first, ...layers],
    outputs,
  };
}
