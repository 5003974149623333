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

/**
 * A network with drawn weights, whose batch norms' statistics are about those of the maps before them. With the statistics of a
 * new network, numbers grow by a factor with each layer, and a comparison of networks of 40 and more layers means nothing.
 */
export function settledNetwork(description: NetworkDescription, seed = 1): DescribedNetwork {
  const state = new State();
  try {
    const network = buildNetwork(state, 'network', description, seed);
    const { height, width } = sides(description.inputSize);
    scoped(() => {
      const pictures = Float32Array.from(noisePictures(8, description, seed + 1));
      const pixels = tf.tensor4d(pictures, [8, height, width, 3]) as Tensor4D;
      // Batch norms move by a tenth towards the batch's statistics.
      for (let pass = 0; pass < 16; pass++) scoped(() => network.embed(pixels, 'train'));
    });
    const random = stream(seed, 'scales');
    const tensors = network.weights();
    for (const [name, { values, shape }] of tensors) {
      // A channel that hardly varies would multiply rounding errors.
      if (name.endsWith('running_var')) values.set(values.map((value) => value + 0.1));
      // So that forgetting a scale, an offset or a slope shows.
      else if (shape.length === 1 && !name.includes('running_') && !name.includes('batch_')) {
        for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + random.uniform(-0.1, 0.1);
      }
    }
    return { description, tensors, file: `${description.backbone}, drawn` };
  } finally {
    state.dispose();
  }
}
