import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { git } from '@headshare/core/system/git';
import { UserError } from '@headshare/core/system/user-error';

/** Sources of files that git ignores. A worktree can share these files while their sources are the same in both commits. */
const shared = [
  { path: 'package-lock.json', what: 'packages' },
  { path: 'packages/core/native', what: 'native kernels' },
  { path: 'tools/src/tensorflow', what: 'TensorFlow files' },
];

/**
 * Checks a commit out into `folder`, with the workspace's node_modules and TensorFlow.
 * @throws UserError if the commit does not exist, or needs other packages or another TensorFlow
 */
export async function addWorktree(root: string, commit: string, folder: string): Promise<void> {
  const short = commit.slice(0, 8);
  if ((await git(root, 'cat-file', '-e', `${commit}^{commit}`)) === undefined) {
    throw new UserError(`this repository does not have the run's commit, ${short}: \`git fetch\` may bring it`);
  }
  for (const { path, what } of shared) {
    if ((await git(root, 'diff', '--quiet', commit, '--', path)) !== undefined) continue;
    throw new UserError(
      `the run's commit, ${short}, has other ${what} (${path} differs): clone it elsewhere, set it up, and reproduce there`,
    );
  }
  if ((await git(root, 'worktree', 'add', '--detach', '--quiet', folder, commit)) === undefined) {
    throw new UserError(
      `git could not make a worktree of ${short} in ${folder}; \`git worktree list\` shows the existing ones`,
      1,
    );
  }
  linkModules(root, folder);
}

/** Removes a worktree of `addWorktree`, also an incomplete one. */
export async function removeWorktree(root: string, folder: string): Promise<void> {
  await git(root, 'worktree', 'remove', '--force', folder);
  await git(root, 'worktree', 'prune');
}

/** Links the worktree's own packages, and for all others the installed ones. */
function linkModules(root: string, folder: string): void {
  const installed = join(root, 'node_modules');
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@headshare'), { recursive: true });
  const packages = readdirSync(join(folder, 'packages'));
  for (const name of readdirSync(installed)) {
    if (name === '@headshare' || name.startsWith('.')) continue;
    const own = packages.includes(name);
    symlinkSync(own ? join(folder, 'packages', name) : join(installed, name), join(modules, name));
  }
  for (const name of packages) symlinkSync(join(folder, 'packages', name), join(modules, '@headshare', name));
  if (existsSync(join(folder, 'tools'))) symlinkSync(join(folder, 'tools'), join(modules, '@headshare/tools'));
}
