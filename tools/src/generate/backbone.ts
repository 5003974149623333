import { backbones } from '@headshare/core/nn/registry';
import type { Tree } from '@nx/devkit';
import { nameOf, requireFree } from './names';
import { nextSteps, render, writeNew } from './templates';

/** `nx g ./tools:backbone tiny-net`: a small residual network, to be changed into another. */
export default function generateBackbone(tree: Tree, options: { readonly name: string }): () => void {
  const name = nameOf(options.name, 'backbone');
  const { kebab } = name;
  requireFree(kebab, 'backbone', backbones.names);
  writeNew(tree, 'packages/core/src/nn/backbones', render('backbone', name));
  return nextSteps(
    `Look at it: npx nx run core:models ${kebab}`,
    `Test it: npx jest -c packages/core/jest.config.cjs backbones/${kebab} every-backbone -t ${kebab}`,
    `Lint and types: npx nx lint core && npx nx typecheck core`,
    `Try it: npx nx run imagenet:distill:smoke --student=${kebab} --student-width=1`,
    `When you change its layers, replace the number of parameters and the shapes of the maps in ${kebab}.test.ts with yours.`,
    'Then regenerate the tables of the documentation, or its tests fail: npx nx run tools:docs',
    'To load the weights of a published network, name the variables as its PyTorch code does, and set its normalisation.',
  );
}
