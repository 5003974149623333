/**
 * VGG networks (Simonyan and Zisserman, arXiv 1409.1556) with batch norm and without hidden linear layers, as in RepDistiller's
 * models/vgg.py (`vgg8_bn` and so on; its names for models omit `_bn`). 32x32 images are pooled between the first four stages,
 * images of height 64 also before the last. The embedding is the pooled last map.
 */
import type { Activation } from '../../runtime/ops/activation';
import { maxPool2d } from '../../runtime/ops/pooling';
import type { Tensor4D } from '../../runtime/tensorflow';
import { sides } from '../../system/image-size';
import { type BackboneDefinition, scaled } from '../backbone';
import { normal, zeros } from '../initialisers';
import { convolutionNorm, type Mode } from '../layers';
import { cifar100 } from '../normalisation';
import type { Scope } from '../scope';
import { type Block, pooledStages } from '../stages';

/** An optional pooling, a convolution with bias, its batch norm and an activation. */
function unit(scope: Scope, index: number, inputs: number, outputs: number, pooled: boolean): Block {
  // The reference's stage is one sequence of convolutions, norms and ReLUs.
  const shape = { inputs, outputs, kernel: 3, padding: 1, bias: zeros };
  const convolve = convolutionNorm(scope, [`${3 * index}`, `${3 * index + 1}`], shape);
  return scope.block((x: Tensor4D, mode: Mode, activation: Activation | undefined) =>
    convolve(pooled ? maxPool2d(x, { kernel: 2 }) : x, mode, { activation }),
  );
}

/** @param counts the number of convolutions in each stage */
function vgg(depth: number, counts: readonly [number, number, number, number, number]): BackboneDefinition {
  return {
    name: `vgg${depth}`,
    inputSize: 32,
    normalisation: cifar100,
    classifier: 'classifier',
    classifierInitialisation: { initialise: normal(0.01), initialiseBias: zeros },
    build(scope, { inputSize, width }) {
      const poolings = sides(inputSize).height === 64 ? 4 : 3;
      let inputs = 3;
      const [stem, ...stages] = counts.map((count, stage) => {
        const block = scope.child(`block${stage}`);
        const outputs = scaled(Math.min(64 * 2 ** stage, 512), width);
        return Array.from({ length: count }, (_, index) => {
          const one = unit(block, index, inputs, outputs, index === 0 && stage > 0 && stage <= poolings);
          inputs = outputs;
          return one;
        });
      }) as [Block[], ...Block[][]];
      const first = (images: Tensor4D, mode: Mode) => stem.reduce((x, one) => one(x, mode, 'relu'), images);
      return pooledStages(first, stages, inputs);
    },
  };
}

export default [
  vgg(8, [1, 1, 1, 1, 1]),
  vgg(11, [1, 1, 2, 2, 2]),
  vgg(13, [2, 2, 2, 2, 2]),
  vgg(16, [2, 2, 3, 3, 3]),
  vgg(19, [2, 2, 4, 4, 4]),
];
