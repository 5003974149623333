/** For tests: networks whose numbers stay within bounds, as if they had been trained. */
import type { DescribedNetwork } from '../src/delivery/network-graph';
import { buildNetwork, type NetworkDescription } from '../src/nn/network';
import { State } from '../src/runtime/state';
import { scoped, type Tensor4D, tf } from '../src/runtime/tensorflow';
import { sides } from '../src/system/image-size';
import { stream } from '../src/system/random';

/** RGB bytes of noise, picture by picture. */
export function noisePictures(count: number, description: Pick<NetworkDescription, 'inputSize'>, seed = 0): Uint8Array {
  const { height, width } = sides(description.inputSize);
  const random = stream(seed, 'pictures');
  return Uint8Array.from({ length: count * height * width * 3 }, () => random.below(256));
}

// Batch norms move by a tenth towards the batch's statistics. A pass in training does not read these, so that more passes over
// the same pictures would only repeat the move: one pass tells where they lead.
const move = 0.1;
const settled = 0.98;
const moved = (start: number, afterOne: number): number => start + ((afterOne - start) * settled) / move;

/**
 * A network with drawn weights, whose batch norms' statistics are about those of the maps before them. With the statistics of a
 * new network, numbers grow by a factor with each layer, and a comparison of networks of 40 and more layers means nothing.
 */
export function settledNetwork(description: NetworkDescription, seed = 1): DescribedNetwork {
  const state = new State();
  try {
    const network = buildNetwork(state, 'network', description, seed);
    const { height, width } = sides(description.inputSize);
    const drawn = network.weights();
    scoped(() => {
      const pictures = Float32Array.from(noisePictures(8, description, seed + 1));
      network.embed(tf.tensor4d(pictures, [8, height, width, 3]) as Tensor4D, 'train');
    });
    const random = stream(seed, 'scales');
    const tensors = network.weights();
    for (const [name, { values, shape }] of tensors) {
      if (name.includes('running_')) {
        const start = drawn.get(name)?.values as Float32Array;
        // A channel that hardly varies would multiply rounding errors: in a hundred layers to 1e-5 of the result.
        const least = name.endsWith('running_var') ? 0.3 : 0;
        values.set(values.map((value, i) => least + moved(start[i] as number, value)));
      }
      // So that forgetting a scale, an offset or a slope shows.
      else if (shape.length === 1 && !name.includes('batch_')) {
        for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + random.uniform(-0.1, 0.1);
      }
    }
    return { description, tensors, file: `${description.backbone}, drawn` };
  } finally {
    state.dispose();
  }
}
