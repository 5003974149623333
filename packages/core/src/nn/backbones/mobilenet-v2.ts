/**
 * MobileNetV2 (Sandler et al., arXiv 1801.04381, table 2) for ImageNet, with the layers and names of torchvision's
 * models/mobilenetv2.py. The embedding is the classifier's input: the pooled last map, of at least 1280 channels; the dropout
 * of 0.2 between the two is omitted. Features: the last map of each resolution, at the end of blocks 1, 3, 6, 13 and 17.
 */
import type { BackboneDefinition } from '../backbone';
import { normal, zeros } from '../initialisers';
import { inEights, type MobileBlock, mobileNetwork } from '../mobile-network';
import { imagenet } from '../normalisation';

/** For each stage: the factor that widens the channels, channels out, blocks, stride of the first block. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

export default {
  name: 'mobilenet_v2',
  inputSize: 224,
  normalisation: imagenet,
  classifier: 'classifier.1',
  classifierInitialisation: { initialise: normal(0.01), initialiseBias: zeros },
  build(scope, { width }) {
    const stem = inEights(32, width);
    let inputs = stem;
    let index = 1;
    const blocks = stages.flatMap(([expansion, channels, count, stride]) =>
      Array.from({ length: count }, (_, i): MobileBlock => {
        const outputs = inEights(channels, width);
        const block = { inner: inputs * expansion, outputs, kernel: 3, stride: i === 0 ? stride : 1 };
        inputs = outputs;
        return { at: `${index++}.conv`, ...block, activation: 'relu6', flat: true };
      }),
    );
    const embeddingSize = inEights(1280, Math.max(1, width));
    const last = { at: `${index}`, outputs: embeddingSize };
    const apply = mobileNetwork(scope.child('features'), { stem, blocks, last, activation: 'relu6' });
    return { embeddingSize, apply };
  },
} satisfies BackboneDefinition;
