/**
 * VGG networks (Simonyan and Zisserman, arXiv 1409.1556) with batch norm and no hidden linear layers, as RepDistiller's
 * models/vgg.py builds them (`vgg8_bn` and so on; its model names leave the `_bn` out). Images of 32x32 are pooled between
 * the first four stages, those of 64x64 also before the last. The embedding is the pooled last map.
 */
import type { Activation } from '../../runtime/ops/activation';
import { globalAveragePool, maxPool2d } from '../../runtime/ops/pooling';
import type { Tensor4D } from '../../runtime/tensorflow';
import { type BackboneDefinition, scaled } from '../backbone';
import { normal, zeros } from '../initialisers';
import { convolutionNorm, type Mode } from '../layers';
import { cifar100 } from '../normalisation';
import type { Scope } from '../scope';
import { type Block, runStages } from '../stages';

/** A convolution with bias, its batch norm and an activation, after pooling where asked for. */
function unit(scope: Scope, index: number, inputs: number, outputs: number, pooled: boolean): Block {
  // One flat sequence there: convolution, norm and ReLU.
  const scopes = { convolution: scope.child(`${3 * index}`), norm: scope.child(`${3 * index + 1}`) };
  const convolve = convolutionNorm(scopes, { inputs, outputs, kernel: 3, padding: 1, bias: zeros });
  return scope.block((x: Tensor4D, mode: Mode, activation: Activation | undefined) =>
    convolve(pooled ? maxPool2d(x, { kernel: 2 }) : x, mode, { activation }),
  );
}

/** @param counts convolutions of each stage */
function vgg(depth: number, counts: readonly [number, number, number, number, number]): BackboneDefinition {
  return {
    name: `vgg${depth}`,
    inputSize: 32,
    normalisation: cifar100,
    classifier: 'classifier',
    classifierInitialisation: { initialise: normal(0.01), initialiseBias: zeros },
    build(scope, { inputSize, width }) {
      const poolings = inputSize === 64 ? 4 : 3;
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
      return {
        embeddingSize: inputs,
        apply(images, mode, options) {
          const first = stem.reduce((x, one) => one(x, mode, 'relu'), images);
          const maps = runStages(first, stages, mode, { ...options, activation: 'relu' });
          return { ...maps, embedding: globalAveragePool(maps.features.at(-1) as Tensor4D) };
        },
      };
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
