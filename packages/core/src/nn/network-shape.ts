import { DType } from '../runtime/binding';
import { type Recording, trace } from '../runtime/compile/trace';
import { contained } from '../runtime/contained';
import type { Tensor4D } from '../runtime/tensorflow';
import { sides } from '../system/image-size';
import { UserError } from '../system/user-error';
import type { Network } from './network';

/** The shapes of a network's outputs for one image. */
export interface NetworkShape {
  /** One for each map in `BackboneOutput.features`. */
  readonly features: readonly FeatureShape[];
  readonly embeddingSize: number;
}

/** The shape of a feature map, without the batch. */
export interface FeatureShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** The shape of a map [batch, h, w, c]. */
export function featureShape(x: Tensor4D): FeatureShape {
  const [, height, width, channels] = x.shape;
  return { height, width, channels };
}

/** Records the operations of `body` on the pixels [1, height, width, 3] of one image, without computing them. */
export function recordOnImage<R>(network: Network, body: (pixels: Tensor4D) => R): Recording<R> {
  const { height, width } = sides(network.description.inputSize);
  const given = network.variables().map(({ name, variable }) => ({ node: name, tensor: variable }));
  const pixels = { node: 'pixels', shape: [1, height, width, 3], dtype: DType.float32 };
  return contained(() => trace(`the shapes of ${network.root}`, given, [pixels], ([input]) => body(input as Tensor4D)));
}

/** A stem and three stages. */
const fewestFeatures = 4;

/**
 * The shapes of the network's outputs, without computing them.
 * @throws UserError for a backbone that returns too few feature maps
 */
export function shapeOf(network: Network): NetworkShape {
  return recordOnImage(network, (pixels) => {
    const { features, embedding } = network.embed(pixels, 'eval');
    if (features.length < fewestFeatures) {
      throw new UserError(
        `The backbone ${network.description.backbone} returns ${features.length} feature maps; it must return at least ${fewestFeatures}: one after the stem and one after each of at least three stages.`,
        1,
      );
    }
    return { features: features.map(featureShape), embeddingSize: embedding.shape[1] };
  }).result;
}
