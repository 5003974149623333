import type { Tree } from '@nx/devkit';
import { nameOf, requirePackage } from './names';
import { nextSteps, render, writeNew } from './templates';

/** `nx g ./tools:dataset my-images --package=imagenet`: images in one file of bytes, to be changed into another format. */
export default function generateDataset(
  tree: Tree,
  options: { readonly name: string; readonly package: string },
): () => void {
  const name = nameOf(options.name, 'data set');
  requirePackage(tree, options.package);
  writeNew(tree, `packages/${options.package}/src/data`, render('dataset', name));
  return nextSteps(
    `Test it: npx jest -c packages/${options.package}/jest.config.cjs data/${name.kebab}`,
    ...(options.package === 'imagenet'
      ? [
          'Then add a file to packages/imagenet/src/datasets that opens it (as fashion-mnist.ts does): a value of --dataset.',
        ]
      : [
          `Then add a value to --dataset in packages/${options.package}/src/options.ts, and build a task from the data in src/task.ts:`,
          'classificationTask({ train: augmented(train, { flip: true }), test }) makes one.',
        ]),
  );
}
