import { methods } from '@headshare/core/distill/registry';
import type { Tree } from '@nx/devkit';
import { nameOf, requireFree } from './names';
import { nextSteps, render, writeNew } from './templates';

/** Names that `--method` accepts besides those of methods. */
const reserved = ['sh-kd'];

/** `nx g ./tools:method my-method [--learned]`: a method that works, to be changed into another. */
export default function generateMethod(
  tree: Tree,
  options: { readonly name: string; readonly learned?: boolean },
): () => void {
  const name = nameOf(options.name, 'method');
  const { kebab } = name;
  requireFree(kebab, 'method', [...methods.names, ...reserved]);
  const learned = options.learned ?? false;
  writeNew(tree, 'packages/core/src/distill', render(learned ? 'learned-method' : 'method', name));
  return nextSteps(
    'Check the types: npx nx typecheck core (a run does not check them)',
    `Test it: npx jest -c packages/core/jest.config.cjs methods/${kebab}`,
    `Try it: npx nx run face:distill:smoke --method=${kebab}`,
    learned
      ? `Then change build in methods/${kebab}.ts; distill/modules has other parts that learn. methods/crd.ts keeps a memory of`
      : `Then put your formula into losses/${kebab}.ts, and its source and published weight into methods/${kebab}.ts. A method`,
    learned
      ? 'images, methods/ft.ts trains a part first. Put numbers of the reference into the test.'
      : 'with parts that learn: nx g ./tools:method NAME --learned. Put numbers of the reference into the test.',
    'At the end, regenerate the tables of the documentation, or its tests fail: npx nx run tools:docs',
  );
}
