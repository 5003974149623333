/**
 * The bottleneck ResNet-50 (He et al., arXiv 1512.03385) for 32x32 images, as RepDistiller's models/resnetv2.py builds it:
 * a 3x3 stem without stride or pooling, the stride in a block's 3x3 convolution. The embedding is the pooled last map.
 */
import { type BackboneDefinition, scaled } from '../backbone';
import { convolutionNorm } from '../layers';
import { cifar100 } from '../normalisation';
import { bottleneckShapes, residualBlock } from '../residual-block';
import { pooledStages } from '../stages';

const resnet50: BackboneDefinition = {
  name: 'cifar-resnet50',
  aliases: ['ResNet50'],
  inputSize: 32,
  normalisation: cifar100,
  classifier: 'linear',
  build(scope, { width }) {
    const stem = scaled(64, width);
    const first = convolutionNorm(
      { convolution: scope.child('conv1'), norm: scope.child('bn1') },
      { inputs: 3, outputs: stem, kernel: 3, padding: 1 },
    );
    let inputs = stem;
    const layers = [3, 4, 6, 3].map((blocks, stage) => {
      const layer = scope.child(`layer${stage + 1}`);
      const inner = scaled(64 * 2 ** stage, width);
      return Array.from({ length: blocks }, (_, index) => {
        const stride = stage > 0 && index === 0 ? 2 : 1;
        const shapes = bottleneckShapes(inputs, inner, stride);
        inputs = 4 * inner;
        return residualBlock(layer.child(`${index}`), shapes, { stride, shortcut: 'shortcut' });
      });
    });
    return pooledStages(first, layers, inputs);
  },
};

export default resnet50;
