/**
 * Improved residual networks for faces, with the layers and names of insightface's arcface_torch/backbones/iresnet.py: a 3x3
 * stem without stride, batch norm before a block's first convolution too, PReLU, and a linear layer over all pixels of the last
 * map for the embedding. The reference's dropout before that layer has rate 0, and is omitted.
 */
import type { Tensor4D } from '../../runtime/tensorflow';
import { type BackboneDefinition, halved, scaled } from '../backbone';
import { normal } from '../initialisers';
import { batchNorm, convolutionNorm, flatten, linear, type Mode, parametricRelu } from '../layers';
import type { Scope } from '../scope';

const threeByThree = { kernel: 3, padding: 1, initialise: normal(0.1) };

function block(scope: Scope, inputs: number, outputs: number, stride: number) {
  const bn1 = batchNorm(scope.child('bn1'), inputs);
  const first = convolutionNorm(scope, ['conv1', 'bn2'], { inputs, outputs, ...threeByThree });
  const prelu = parametricRelu(scope.child('prelu'), outputs);
  const second = convolutionNorm(scope, ['conv2', 'bn3'], { inputs: outputs, outputs, stride, ...threeByThree });
  const shortcut = { inputs, outputs, stride, initialise: threeByThree.initialise };
  const project =
    stride !== 1 || inputs !== outputs ? convolutionNorm(scope.child('downsample'), ['0', '1'], shortcut) : undefined;
  return scope.block((x: Tensor4D, mode: Mode): Tensor4D => {
    const residual = project ? project(x, mode) : x;
    return second(first(bn1(x, mode), mode, { activation: prelu }), mode, { residual });
  });
}

interface Published {
  readonly blocks: readonly [number, number, number, number];
  readonly inputSize: number;
  readonly embeddingSize: number;
}

function iresnet(name: string, published: Published): BackboneDefinition {
  return {
    name,
    inputSize: published.inputSize,
    build(scope, { inputSize, width, embeddingSize = published.embeddingSize }) {
      let inputs = scaled(64, width);
      const first = convolutionNorm(scope, ['conv1', 'bn1'], { inputs: 3, outputs: inputs, ...threeByThree });
      const prelu = parametricRelu(scope.child('prelu'), inputs);
      const layers = published.blocks.map((count, stage) => {
        const outputs = scaled(64 * 2 ** stage, width);
        return Array.from({ length: count }, (_, index) => {
          const one = block(scope.child(`layer${stage + 1}.${index}`), inputs, outputs, index === 0 ? 2 : 1);
          inputs = outputs;
          return one;
        });
      });
      const bn2 = batchNorm(scope.child('bn2'), inputs);
      const last = halved(inputSize, layers.length);
      const fc = linear(scope.child('fc'), { inputs: inputs * last.height * last.width, outputs: embeddingSize });
      const norm = batchNorm(scope.child('features'), embeddingSize, { scale: false });
      return {
        embeddingSize,
        apply(images, mode, { preactivations } = {}) {
          const features = [first(images, mode, { activation: prelu })];
          for (const layer of layers)
            features.push(layer.reduce((x, one) => one(x, mode), features.at(-1) as Tensor4D));
          const embedding = norm(fc(flatten(bn2(features.at(-1) as Tensor4D, mode))), mode);
          // Stages end without an activation.
          return { features, embedding, ...(preactivations && { preactivations: features }) };
        },
      };
    },
  };
}

const faces = { inputSize: 112, embeddingSize: 512 };

export default [
  // Not a published network: for small images and short runs.
  iresnet('iresnet10', { blocks: [1, 1, 1, 1], inputSize: 48, embeddingSize: 128 }),
  iresnet('iresnet18', { blocks: [2, 2, 2, 2], ...faces }),
  iresnet('iresnet34', { blocks: [3, 4, 6, 3], ...faces }),
  iresnet('iresnet50', { blocks: [3, 4, 14, 3], ...faces }),
  iresnet('iresnet100', { blocks: [3, 13, 30, 3], ...faces }),
  iresnet('iresnet200', { blocks: [6, 26, 60, 6], ...faces }),
];
