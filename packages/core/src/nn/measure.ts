import { multiplyAdds } from '../runtime/compile/multiply-adds';
import { State } from '../runtime/state';
import type { ImageSize } from '../system/image-size';
import { buildNetwork } from './network';
import { partOf } from './network-parts';
import { recordOnImage } from './network-shape';
import { backbones } from './registry';

export interface MeasureOptions {
  /** Default: the backbone's published size. */
  readonly inputSize?: ImageSize;
  readonly width?: number;
  readonly embeddingSize?: number;
  /** Adds a linear classifier of so many classes; default: no classifier. */
  readonly classes?: number;
}

export interface NetworkMeasure {
  readonly inputSize: ImageSize;
  readonly embeddingSize: number;
  /** The number of trainable parameters. */
  readonly parameters: number;
  /** The multiply-adds of convolutions and linear layers for one image. */
  readonly multiplyAdds: number;
  /** [height, width, channels] each. */
  readonly features: readonly (readonly number[])[];
}

/**
 * The size and the cost of a backbone, without running it: one image is recorded. The recording is of evaluation, because
 * batch norm in training needs more than one image; the convolutions are the same.
 */
export function measure(backbone: string, options: MeasureOptions = {}): NetworkMeasure {
  const { inputSize = backbones.named(backbone).inputSize, width = 1, embeddingSize, classes } = options;
  const state = new State();
  try {
    const size = { inputSize, width, ...(embeddingSize !== undefined && { embeddingSize }) };
    const description = { backbone, head: 'linear', classes: classes ?? 1, ...size };
    const network = buildNetwork(state, backbone, description, undefined);
    const recording = recordOnImage(network, (pixels) => {
      const { features, embedding } = network.embed(pixels, 'eval');
      if (classes !== undefined) network.head.logits(embedding);
      return features.map(({ shape }) => shape.slice(1));
    });
    const counted = state.all('trainable').filter(({ name }) => classes !== undefined || partOf(name) === 'backbone');
    return {
      inputSize,
      embeddingSize: network.embeddingSize,
      parameters: counted.reduce((sum, { variable }) => sum + variable.size, 0),
      multiplyAdds: multiplyAdds(recording),
      features: recording.result,
    };
  } finally {
    state.dispose();
  }
}
