import { DType } from '../runtime/binding';
import { multiplyAdds } from '../runtime/compile/multiply-adds';
import { trace } from '../runtime/compile/trace';
import { contained } from '../runtime/contained';
import { State } from '../runtime/state';
import type { Tensor4D } from '../runtime/tensorflow';
import { backbones, heads } from './registry';
import { Scope } from './scope';

export interface MeasureOptions {
  /** The backbone's own where left out. */
  readonly inputSize?: number;
  readonly width?: number;
  readonly embeddingSize?: number;
  /** With a linear classifier of so many classes; without one where left out. */
  readonly classes?: number;
}

export interface NetworkMeasure {
  readonly inputSize: number;
  readonly embeddingSize: number;
  /** How many numbers training moves. */
  readonly parameters: number;
  /** For one image, of convolutions and linear layers. */
  readonly multiplyAdds: number;
  /** [height, width, channels] each. */
  readonly features: readonly (readonly number[])[];
}

/**
 * How large a network is and what it takes, without running it: it is recorded for one image. Evaluation is what is
 * recorded, since batch norm can do with one image only then; its convolutions are those of training.
 */
export function measure(name: string, options: MeasureOptions = {}): NetworkMeasure {
  const definition = backbones.named(name);
  const { inputSize = definition.inputSize, width = 1, embeddingSize, classes } = options;
  const state = new State();
  try {
    const scope = Scope.root(state, name, undefined);
    const backbone = definition.build(scope, { inputSize, width, embeddingSize });
    const head =
      classes === undefined
        ? undefined
        : heads.named('linear').build(scope.child('head'), { inputs: backbone.embeddingSize, classes });
    const given = state.all().map((entry) => ({ node: entry.name, tensor: entry.variable }));
    const images = { node: 'images', shape: [1, inputSize, inputSize, 3], dtype: DType.float32 };
    const recording = contained(() =>
      trace(name, given, [images], ([x]) => {
        const { features, embedding } = backbone.apply(x as Tensor4D, 'eval');
        head?.logits(embedding);
        return features.map(({ shape }) => shape.slice(1));
      }),
    );
    return {
      inputSize,
      embeddingSize: backbone.embeddingSize,
      parameters: state.all('trainable').reduce((sum, { variable }) => sum + variable.size, 0),
      multiplyAdds: multiplyAdds(recording),
      features: recording.result,
    };
  } finally {
    state.dispose();
  }
}
