import { DType } from '../runtime/binding';
import { trace } from '../runtime/compile/trace';
import { contained } from '../runtime/contained';
import type { State } from '../runtime/state';
import type { Tensor4D } from '../runtime/tensorflow';
import type { Network } from './network';

/** What a network makes of one image, without computing it. */
export interface NetworkShape {
  /** Of each map in `BackboneOutput.features`. */
  readonly features: readonly FeatureShape[];
  readonly embeddingSize: number;
}

/** The shape of a network's map, without the batch. */
export interface FeatureShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** That of a map [batch, h, w, c]. */
export function featureShape(x: Tensor4D): FeatureShape {
  const [, height, width, channels] = x.shape;
  return { height, width, channels };
}

/** The shapes of what `network`, whose variables are in `state`, gives. */
export function shapeOf(state: State, network: Network): NetworkShape {
  const { inputSize } = network.description;
  const given = state.all().map(({ name, variable }) => ({ node: name, tensor: variable }));
  const pixels = { node: 'pixels', shape: [1, inputSize, inputSize, 3], dtype: DType.float32 };
  return contained(
    () =>
      trace(`the shapes of ${network.root}`, given, [pixels], ([input]) => {
        const { features, embedding } = network.embed(input as Tensor4D, 'eval');
        return {
          features: features.map(featureShape),
          embeddingSize: embedding.shape[1],
        };
      }).result,
  );
}
