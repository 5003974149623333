import { backbones } from '../../nn/registry';
import { Scope } from '../../nn/scope';
import { fromTorch } from '../../nn/torch-layout';
import { linear } from '../../runtime/ops/linear';
import { State } from '../../runtime/state';
import { scoped, type Tensor2D, type Tensor4D, tf } from '../../runtime/tensorflow';
import { fromFloat16, toFloat16 } from '../../system/float16';
import { type ImageSize, sides } from '../../system/image-size';
import { stream } from '../../system/random';
import type { ExternalTensors } from '../external-tensor';
import { differenceOf, type OutputDifference } from '../output-difference';
import { type Refuse, shown } from '../refusal';
import type { InputScaling } from './assign-weights';
import type { ImageInput } from './graph-layers';
import type { OnnxGraph } from './model';
import { type ModelInput, type RunModel, runModel } from './run-model';
import { typeNames } from './tensor-proto';

/** An output of a graph: what it is in our network, and what the graph does to it afterwards. */
export interface CheckedOutput {
  readonly name: string;
  readonly what: 'embedding' | 'logits';
  readonly tail: readonly string[];
}

export interface CheckedNetwork {
  readonly backbone: string;
  readonly inputSize: ImageSize;
  readonly width: number;
  readonly embeddingSize: number;
  /** By PyTorch's names, without a classifier. */
  readonly tensors: ExternalTensors;
  readonly classifier: ExternalTensors | undefined;
  /** What the graph does to images before the backbone. */
  readonly scaling: InputScaling | undefined;
}

/** onnxruntime in WebAssembly holds a model about three times in 4 GB. */
const largestModel = 1e9;
const mostImages = 16;
const float32 = 1;
const uint8 = 2;
const float16 = 10;

/**
 * Runs an ONNX file in onnxruntime on a few images of random numbers and compares its output with our network's.
 * @returns why onnxruntime does not run the file here, as a clause: it is too large, or of another type than float32 and float16
 * @throws UserError when the outputs differ, or onnxruntime refuses the file
 */
export function checkOnnx(
  bytes: Buffer,
  { external, tensors }: OnnxGraph,
  input: ImageInput,
  output: CheckedOutput,
  network: CheckedNetwork,
  refuse: Refuse,
  run: RunModel = runModel,
): OutputDifference | string {
  const size = [...external.values()].reduce((sum, one) => sum + one.length, bytes.length);
  const types = new Set([...tensors.values()].map(({ type }) => type.name));
  const other = ['bfloat16', 'float64'].find((type) => types.has(type));
  if (size > largestModel) return `it has ${(size / 1e9).toFixed(1)} GB, and ${largestModel / 1e9} GB fit`;
  if (input.batch > mostImages) return `it takes ${input.batch} images at once, and at most ${mostImages} are tried`;
  if (other !== undefined) return `its weights are ${other}`;
  if (input.type !== float32 && input.type !== float16 && input.type !== uint8) {
    return `its input ${shown(input.name)} holds numbers of type ${typeNames.get(input.type) ?? input.type}`;
  }
  const images = randomImages(input, network.scaling !== undefined);
  const answer = run(bytes, external, images);
  if ('error' in answer) throw refuse(`onnxruntime cannot run it (${answer.error.split('\n')[0]})`);
  const theirs = answer.find(({ name }) => name === output.name);
  if (!theirs) throw refuse(`onnxruntime does not give its output ${output.name}`);
  const isHalf = input.type === float16 || types.has('float16');
  const ours = outputOf(network, images, input, output);
  const found = differenceOf(ours, theirs.values, input.batch);
  // Half precision keeps three digits, and each layer rounds.
  if (!(found.difference <= (isHalf ? 2e-2 : 2e-4) * found.largest)) {
    throw refuse(
      `in onnxruntime it gives outputs that differ from those of ${network.backbone} with its weights by ${found.difference.toPrecision(3)}, where the largest is ${found.largest.toPrecision(3)}`,
    );
  }
  return found;
}

/** @param asPixels whole numbers from 0 to 255, for a graph that normalises them */
function randomImages({ name, type, batch, size, channelsLast }: ImageInput, asPixels: boolean): ModelInput {
  const { height, width } = sides(size);
  const random = stream(0, 'onnx check');
  const shape = channelsLast ? [batch, height, width, 3] : [batch, 3, height, width];
  const area = 3 * height * width;
  // Multiples of 1/64 are the same in half precision. Every second image is brighter, so that upper bounds are reached.
  const values = Float32Array.from({ length: batch * area }, (_, i) =>
    asPixels || type === uint8
      ? random.below(256)
      : (Math.round(random.uniform(-128, 128)) / 64) * (Math.floor(i / area) % 2 === 1 && type !== float16 ? 16 : 1),
  );
  if (type === uint8) return { name, type: 'uint8', shape, data: Uint8Array.from(values) };
  if (type !== float16) return { name, type: 'float32', shape, data: values };
  return { name, type: 'float16', shape, data: Uint16Array.from(values, toFloat16) };
}

/** The output of our network for the images, which are normalised. */
function outputOf(
  network: CheckedNetwork,
  images: ModelInput,
  input: ImageInput,
  { what, tail }: CheckedOutput,
): Float32Array {
  const state = new State();
  try {
    const { backbone, tensors, classifier, scaling: _, ...shape } = network;
    const built = backbones.named(backbone).build(Scope.root(state, 'net', undefined), shape);
    const own = new Map(
      [...tensors].map(([name, one]) => [`net/${name}`, fromTorch({ shape: one.shape, values: one.values() })]),
    );
    state.load(own, 'the file', undefined, 'net/');
    return scoped(() => {
      const values =
        images.data instanceof Uint16Array
          ? Float32Array.from(images.data, fromFloat16)
          : Float32Array.from(images.data);
      const given = tf.tensor(values, [...images.shape]);
      const last = input.channelsLast ? given : tf.transpose(given, [0, 2, 3, 1]);
      const { factors, summands } = network.scaling ?? { factors: [1], summands: [0] };
      const x = tf.add(tf.mul(last, tf.tensor1d([...factors])), tf.tensor1d([...summands])) as Tensor4D;
      const { embedding } = built.apply(x, 'eval');
      let y = what === 'embedding' ? embedding : classified(embedding, classifier);
      for (const one of tail) {
        if (one === 'Softmax') y = tf.softmax(y);
        else if (one === 'LogSoftmax') y = tf.logSoftmax(y);
        else y = tf.div(y, tf.norm(y, 'euclidean', 1, true)) as Tensor2D;
      }
      return Float32Array.from(y.dataSync());
    });
  } finally {
    state.dispose();
  }
}

function classified(embedding: Tensor2D, classifier: ExternalTensors = new Map()): Tensor2D {
  const weight = classifier.get('weight');
  const bias = classifier.get('bias');
  if (!weight) return embedding;
  const matrix = tf.transpose(tf.tensor2d(weight.values(), weight.shape as [number, number])) as Tensor2D;
  return linear(embedding, matrix, bias && tf.tensor1d(bias.values()));
}
