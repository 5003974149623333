import { buildNetwork, type NetworkDescription } from '../nn/network';
import { heads } from '../nn/registry';
import { type NamedValues, State } from '../runtime/state';
import { scoped, type Tensor4D, tf } from '../runtime/tensorflow';
import { sides } from '../system/image-size';
import { UserError } from '../system/user-error';
import { type NumpyArray, readNpz } from './npz';
import { differenceOf, type OutputDifference } from './output-difference';

/** The largest difference that rounding makes, also on GPUs that round products to 10 bits, as a share of the largest output. */
const tolerance = 2e-3;
const batch = 16;

/**
 * Compares a network's outputs with those that another program computed.
 * @param expected a .npz file with `input` [n, 3, height, width], normalised, and `embedding` [n, length], `logits`
 * [n, classes] or both
 * @param file the network's, for errors
 * @throws UserError when an output differs, or the arrays do not fit the network
 */
export function verifyOutputs(
  expected: string,
  file: string,
  description: NetworkDescription,
  tensors: ReadonlyMap<string, NamedValues>,
): OutputDifference {
  const arrays = readNpz(expected);
  const refuse = (why: string) => new UserError(`${expected} ${why}.`, 1);
  const input = arrays.get('input');
  const { height, width } = sides(description.inputSize);
  const [images = 0] = input?.shape ?? [];
  if (!input || input.shape.slice(1).join() !== `3,${height},${width}` || images < 1) {
    const had = input ? `[${input.shape}]` : `only ${[...arrays.keys()].join(', ') || 'nothing'}`;
    throw refuse(
      `must hold input [n,3,${height},${width}], normalised images for ${description.backbone}; it holds ${had}`,
    );
  }
  const wanted = (['embedding', 'logits'] as const).filter((name) => arrays.has(name));
  if (wanted.length === 0) throw refuse('must hold the outputs to compare: embedding, logits or both');
  const isMargin = heads.named(description.head).published !== undefined;
  if (wanted.includes('logits') && isMargin) {
    throw refuse(`holds logits, and the logits of ${description.head} depend on its scale: give the embedding`);
  }
  const outputs = outputsOf(description, tensors, input, file);
  const found = wanted.map((name) => {
    const theirs = arrays.get(name) as NumpyArray;
    const length = outputs[name].length / images;
    if (theirs.shape.join() !== `${images},${length}`) {
      throw refuse(`holds ${name} [${theirs.shape}], and the network gives [${images},${length}]`);
    }
    return { name, ...differenceOf(outputs[name], theirs.values, images) };
  });
  const wrong = found.find(({ difference, largest }) => !(difference <= tolerance * largest));
  if (wrong) {
    const { name, difference, largest } = wrong;
    throw new UserError(
      `${file} as ${description.backbone} gives other outputs than ${expected} expects: its ${name} differs by up to ${difference.toPrecision(3)}, where the largest value is ${largest.toPrecision(3)}.`,
      1,
    );
  }
  const [first, second = first] = found as [(typeof found)[number], (typeof found)[number]?];
  return first.difference / first.largest >= second.difference / second.largest ? first : second;
}

function outputsOf(
  description: NetworkDescription,
  tensors: ReadonlyMap<string, NamedValues>,
  { shape, values }: NumpyArray,
  file: string,
) {
  const state = new State();
  try {
    // Pixels / 255 is undone: the images are normalised already.
    const plain = { mean: [0, 0, 0], deviation: [1 / 255, 1 / 255, 1 / 255] } as const;
    const network = buildNetwork(state, 'net', { ...description, normalisation: plain }, undefined);
    network.load(tensors, file);
    const [images = 0, ...size] = shape;
    const each = size.reduce((a, b) => a * b, 1);
    const embedding: number[] = [];
    const logits: number[] = [];
    for (let from = 0; from < images; from += batch) {
      const to = Math.min(images, from + batch);
      scoped(() => {
        const given = tf.tensor(values.slice(from * each, to * each), [to - from, ...size]);
        const output = network.embed(tf.transpose(given, [0, 2, 3, 1]) as Tensor4D, 'eval');
        for (const one of output.embedding.dataSync()) embedding.push(one);
        for (const one of network.head.logits(output.embedding).dataSync()) logits.push(one);
      });
    }
    return { embedding, logits };
  } finally {
    state.dispose();
  }
}
