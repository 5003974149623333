/**
 * Improved residual networks for faces, as insightface's arcface_torch/backbones/iresnet.py builds them, whose names
 * they keep: a 3x3 stem without stride, batch norm before the first convolution of a block too, PReLU, and a linear
 * layer over all pixels of the last map for the embedding. Its dropout before that layer is 0 there, and left out here.
 */
import type { Tensor4D } from '../../runtime/tensorflow';
import { type BackboneDefinition, scaled } from '../backbone';
import { flatten, halved } from '../flatten';
import { normal } from '../initialisers';
import { batchNorm, convolutionNorm, linear, type Mode, parametricRelu } from '../layers';
import type { Scope } from '../scope';

const initialise = normal(0.1);

function block(scope: Scope, inputs: number, outputs: number, stride: number) {
  const bn1 = batchNorm(scope.child('bn1'), inputs);
  const first = convolutionNorm(
    { convolution: scope.child('conv1'), norm: scope.child('bn2') },
    { inputs, outputs, kernel: 3, padding: 1, initialise },
  );
  const prelu = parametricRelu(scope.child('prelu'), outputs);
  const second = convolutionNorm(
    { convolution: scope.child('conv2'), norm: scope.child('bn3') },
    { inputs: outputs, outputs, kernel: 3, stride, padding: 1, initialise },
  );
  const shortcut = stride !== 1 || inputs !== outputs ? scope.child('downsample') : undefined;
  const project =
    shortcut &&
    convolutionNorm(
      { convolution: shortcut.child('0'), norm: shortcut.child('1') },
      { inputs, outputs, stride, initialise },
    );
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
      const stem = scaled(64, width);
      const first = convolutionNorm(
        { convolution: scope.child('conv1'), norm: scope.child('bn1') },
        { inputs: 3, outputs: stem, kernel: 3, padding: 1, initialise },
      );
      const prelu = parametricRelu(scope.child('prelu'), stem);
      let inputs = stem;
      const layers = published.blocks.map((count, stage) => {
        const layer = scope.child(`layer${stage + 1}`);
        const outputs = scaled(64 * 2 ** stage, width);
        return Array.from({ length: count }, (_, index) => {
          const one = block(layer.child(`${index}`), inputs, outputs, index === 0 ? 2 : 1);
          inputs = outputs;
          return one;
        });
      });
      const bn2 = batchNorm(scope.child('bn2'), inputs);
      const pixels = halved(inputSize, layers.length) ** 2;
      const fc = linear(scope.child('fc'), { inputs: inputs * pixels, outputs: embeddingSize });
      const features = batchNorm(scope.child('features'), embeddingSize, { scale: false });
      return {
        embeddingSize,
        apply(images, mode, { preactivations } = {}) {
          const maps = [first(images, mode, { activation: prelu })];
          for (const layer of layers) maps.push(layer.reduce((x, one) => one(x, mode), maps.at(-1) as Tensor4D));
          const embedding = features(fc(flatten(bn2(maps.at(-1) as Tensor4D, mode))), mode);
          // Its stages end without an activation.
          return { features: maps, embedding, ...(preactivations && { preactivations: maps }) };
        },
      };
    },
  };
}

const faces = { inputSize: 112, embeddingSize: 512 };

export default [
  // Not a published one: for small images and short runs.
  iresnet('iresnet10', { blocks: [1, 1, 1, 1], inputSize: 48, embeddingSize: 128 }),
  iresnet('iresnet18', { blocks: [2, 2, 2, 2], ...faces }),
  iresnet('iresnet34', { blocks: [3, 4, 6, 3], ...faces }),
  iresnet('iresnet50', { blocks: [3, 4, 14, 3], ...faces }),
  iresnet('iresnet100', { blocks: [3, 13, 30, 3], ...faces }),
  iresnet('iresnet200', { blocks: [6, 26, 60, 6], ...faces }),
];
