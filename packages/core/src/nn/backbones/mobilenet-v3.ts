/**
 * MobileNetV3 (Howard et al., arXiv 1905.02244, tables 1 and 2) for ImageNet, with the layers and names of torchvision's
 * models/mobilenetv3.py. The classifier's first layer belongs to the backbone and computes the embedding, which the last layer,
 * `classifier.3`, reads; the dropout of 0.2 between them is omitted. Features: the last map of each resolution, at the end of
 * blocks 1, 3, 6, 12 and 15 of the large network, and of the stem and blocks 1, 3, 8 and 11 of the small one.
 */
import { hardSwish } from '../../runtime/ops/activation';
import type { BackboneDefinition } from '../backbone';
import { normal, zeros } from '../initialisers';
import { linear } from '../layers';
import { inEights, type MobileBlock, mobileNetwork } from '../mobile-network';
import { imagenet } from '../normalisation';

/** Kernel, channels within, channels out, squeeze-and-excitation, activation, stride. */
type Row = readonly [number, number, number, boolean, 'relu' | 'hard-swish', number];

interface Published {
  readonly rows: readonly Row[];
  readonly embeddingSize: number;
}

const initialisation = { initialise: normal(0.01), initialiseBias: zeros };
const norm = { epsilon: 0.001, momentum: 0.01 };

function mobileNetV3(name: string, { rows, embeddingSize: published }: Published): BackboneDefinition {
  return {
    name,
    inputSize: 224,
    normalisation: imagenet,
    classifier: 'classifier.3',
    classifierInitialisation: initialisation,
    build(scope, { width }) {
      const blocks = rows.map(([kernel, within, out, squeezes, activation, stride], index): MobileBlock => {
        const inner = inEights(within, width);
        return {
          at: `${index + 1}.block`,
          inner,
          outputs: inEights(out, width),
          kernel,
          stride,
          activation,
          ...(squeezes && {
            squeeze: { squeezed: inEights(Math.floor(inner / 4)), activation: 'relu', gate: 'hard-sigmoid' },
          }),
        };
      });
      const pooledSize = 6 * (blocks.at(-1)?.outputs ?? 0);
      const last = { at: `${rows.length + 1}`, outputs: pooledSize };
      const network = mobileNetwork(scope.child('features'), {
        stem: inEights(16, width),
        blocks,
        last,
        activation: 'hard-swish',
        norm,
      });
      const embeddingSize = inEights(published, width);
      const embed = linear(scope.child('classifier.0'), {
        inputs: pooledSize,
        outputs: embeddingSize,
        ...initialisation,
      });
      return {
        embeddingSize,
        apply(images, mode, options) {
          const output = network(images, mode, options);
          return { ...output, embedding: hardSwish(embed(output.embedding)) };
        },
      };
    },
  };
}

const large: Published = {
  rows: [
    [3, 16, 16, false, 'relu', 1],
    [3, 64, 24, false, 'relu', 2],
    [3, 72, 24, false, 'relu', 1],
    [5, 72, 40, true, 'relu', 2],
    [5, 120, 40, true, 'relu', 1],
    [5, 120, 40, true, 'relu', 1],
    [3, 240, 80, false, 'hard-swish', 2],
    [3, 200, 80, false, 'hard-swish', 1],
    [3, 184, 80, false, 'hard-swish', 1],
    [3, 184, 80, false, 'hard-swish', 1],
    [3, 480, 112, true, 'hard-swish', 1],
    [3, 672, 112, true, 'hard-swish', 1],
    [5, 672, 160, true, 'hard-swish', 2],
    [5, 960, 160, true, 'hard-swish', 1],
    [5, 960, 160, true, 'hard-swish', 1],
  ],
  embeddingSize: 1280,
};

const small: Published = {
  rows: [
    [3, 16, 16, true, 'relu', 2],
    [3, 72, 24, false, 'relu', 2],
    [3, 88, 24, false, 'relu', 1],
    [5, 96, 40, true, 'hard-swish', 2],
    [5, 240, 40, true, 'hard-swish', 1],
    [5, 240, 40, true, 'hard-swish', 1],
    [5, 120, 48, true, 'hard-swish', 1],
    [5, 144, 48, true, 'hard-swish', 1],
    [5, 288, 96, true, 'hard-swish', 2],
    [5, 576, 96, true, 'hard-swish', 1],
    [5, 576, 96, true, 'hard-swish', 1],
  ],
  embeddingSize: 1024,
};

export default [mobileNetV3('mobilenet_v3_large', large), mobileNetV3('mobilenet_v3_small', small)];
