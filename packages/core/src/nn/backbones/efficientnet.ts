/**
 * EfficientNet-B0 (Tan and Le, arXiv 1905.11946, table 1), with the layers and names of torchvision's models/efficientnet.py.
 * The embedding is the classifier's input, the pooled last map. It omits the reference's randomness in training: the dropout of
 * 0.2 before the classifier, and stochastic depth, which skips blocks with a probability of up to 0.2. Features: the last map of
 * each resolution, at the end of stages 1, 2, 3, 5 and 7.
 */
import { silu } from '../../runtime/ops/activation';
import { tf } from '../../runtime/tensorflow';
import type { BackboneDefinition } from '../backbone';
import { uniform, zeros } from '../initialisers';
import { inEights, type MobileBlock, mobileNetwork } from '../mobile-network';
import { imagenet } from '../normalisation';
import type { Initialiser } from '../scope';

/** Uniform within 1 / sqrt(outputs), for a linear layer [in, out]. */
const byOutputs: Initialiser = (shape, random) => uniform(1 / Math.sqrt(shape[1] ?? 1))(shape, random);

/** For each stage: the factor that widens the channels, kernel, stride of the first block, channels out, blocks. */
const stages = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
] as const;

export default {
  name: 'efficientnet_b0',
  inputSize: 224,
  normalisation: imagenet,
  classifier: 'classifier.1',
  classifierInitialisation: { initialise: byOutputs, initialiseBias: zeros },
  build(scope, { width }) {
    const stem = inEights(32, width);
    let inputs = stem;
    const blocks = stages.flatMap(([expansion, kernel, stride, channels, count], stage) =>
      Array.from({ length: count }, (_, i): MobileBlock => {
        const outputs = inEights(channels, width);
        const squeezed = Math.max(1, Math.floor(inputs / 4));
        const block: MobileBlock = {
          at: `${stage + 1}.${i}.block`,
          inner: inEights(inputs, expansion),
          outputs,
          kernel,
          stride: i === 0 ? stride : 1,
          activation: silu,
          squeeze: { squeezed, activation: silu, gate: (x) => tf.sigmoid(x) },
        };
        inputs = outputs;
        return block;
      }),
    );
    const embeddingSize = 4 * inputs;
    const last = { at: `${stages.length + 1}`, outputs: embeddingSize };
    const apply = mobileNetwork(scope.child('features'), { stem, blocks, last, activation: silu });
    return { embeddingSize, apply };
  },
} satisfies BackboneDefinition;
