import { backbones } from '@headshare/core/nn/registry';
import type { Tree } from '@nx/devkit';
import { nameOf, nextSteps, requireFree, writeNew } from './names';

const folder = 'packages/core/src/nn/backbones';

/** `nx g ./tools:backbone tiny-net`: a small residual network, to be made another. */
export default function generateBackbone(tree: Tree, options: { readonly name: string }): () => void {
  const { kebab } = nameOf(options.name, 'backbone');
  requireFree(kebab, 'backbone', backbones.names);
  writeNew(tree, { [`${folder}/${kebab}.ts`]: backbone(kebab), [`${folder}/${kebab}.test.ts`]: test(kebab) });
  return nextSteps(
    `Look at it: npx nx run core:models ${kebab}`,
    `Try it: npx nx run imagenet:distill:smoke --student=${kebab}`,
    `Test it: npx jest -c packages/core/jest.config.cjs backbones/${kebab} every-backbone -t ${kebab}`,
    'Of a published network, name the variables as its PyTorch code does and give its normalisation: its weights then load.',
  );
}

const backbone = (
  kebab: string,
): string => `/** ${kebab}: a stem and three stages of one residual block each; each stage halves the map and doubles the channels. */
import { type BackboneDefinition, scaled } from '../backbone';
import { convolutionNorm } from '../layers';
import { basicShapes, residualBlock } from '../residual-block';
import { pooledStages } from '../stages';

export default {
  name: '${kebab}',
  inputSize: 32,
  build(scope, { width }) {
    let inputs = scaled(16, width);
    const stem = convolutionNorm(
      { convolution: scope.child('stem').child('conv'), norm: scope.child('stem').child('bn') },
      { inputs: 3, outputs: inputs, kernel: 3, padding: 1 },
    );
    const stages = [16, 32, 64].map((channels, stage) => {
      const outputs = scaled(channels, width);
      const stride = stage === 0 ? 1 : 2;
      const block = residualBlock(scope.child(\`stage\${stage + 1}\`), basicShapes(inputs, outputs, stride), { stride });
      inputs = outputs;
      return [block];
    });
    return pooledStages(stem, stages, inputs);
  },
} satisfies BackboneDefinition;
`;

const test = (kebab: string): string => `import { State } from '../../runtime/state';
import { scoped, type Tensor, type Tensor4D, tf } from '../../runtime/tensorflow';
import { backbones } from '../registry';
import { Scope } from '../scope';

function built(width: number) {
  const state = new State();
  const backbone = backbones.named('${kebab}').build(Scope.root(state, 'net', 1), { inputSize: 32, width });
  return { state, backbone };
}

test('${kebab} has as many parameters as its layers come to', () => {
  const { state } = built(1);
  const sizes = state.all('trainable').map(({ variable }) => variable.size);
  // Stem 464; stages of two convolutions and their norms 4672, 14528 and 57728, with 1x1 shortcuts where the shape changes.
  expect(sizes.reduce((a, b) => a + b, 0)).toBe(77392);
  state.dispose();
});

test('maps of ${kebab} halve from stage to stage, and the embedding is the mean of the last', () => {
  scoped(() => {
    const { state, backbone } = built(0.5);
    const { features, embedding } = backbone.apply(tf.ones([2, 32, 32, 3]) as Tensor4D, 'eval');
    expect(features.map(({ shape }) => shape)).toEqual([
      [2, 32, 32, 8],
      [2, 32, 32, 8],
      [2, 16, 16, 16],
      [2, 8, 8, 32],
    ]);
    expect(embedding.shape).toEqual([2, backbone.embeddingSize]);
    const pooled = tf.mean(features.at(-1) as Tensor, [1, 2]);
    expect(tf.max(tf.abs(tf.sub(pooled, embedding))).dataSync()[0]).toBeLessThan(1e-6);
    state.dispose();
  });
});
`;
