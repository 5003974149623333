import { UserError } from '@headshare/core/system/user-error';
import type { Tree } from '@nx/devkit';
import { nameOf, requirePackage } from './names';
import { nextSteps, render, writeNew } from './templates';

/** Targets that every package has. */
const reserved = ['lint', 'typecheck', 'test'];

/** `nx g ./tools:experiment warm-up --package=face`: distils under several seeds, to be changed into another experiment. */
export default function generateExperiment(
  tree: Tree,
  options: { readonly name: string; readonly package: string },
): () => void {
  const { package: owner } = options;
  const name = nameOf(options.name, 'experiment');
  const { kebab } = name;
  requirePackage(tree, owner);
  const { nx }: { nx?: { targets?: object } } = JSON.parse(tree.read(`packages/${owner}/package.json`, 'utf8') ?? '{}');
  if ([...reserved, ...Object.keys(nx?.targets ?? {})].includes(kebab)) {
    throw new UserError(`${owner}:${kebab} is already a target; choose another name`);
  }
  writeNew(tree, `packages/${owner}/experiments`, render('experiment', { ...name, package: owner }));
  return nextSteps(
    `Try it: npx nx run ${owner}:${kebab}:smoke`,
    `Its options: npx nx run ${owner}:${kebab} --help`,
    `Test it: npx jest -c packages/${owner}/jest.config.cjs experiments/${kebab}`,
  );
}
