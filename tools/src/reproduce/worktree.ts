import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { git } from '@headshare/core/system/git';
import { UserError } from '@headshare/core/system/user-error';

/** What git does not keep and a commit shares with the present one only while it is the same in both. */
const shared = [
  { path: 'package-lock.json', what: 'packages are' },
  { path: 'packages/core/native', what: 'native kernels are' },
  { path: 'tools/src/tensorflow', what: 'TensorFlow is' },
];

/**
 * Checks a commit out into `folder`, with the workspace's node_modules and TensorFlow.
 * @throws UserError where there is no such commit, or it needs others than those
 */
export async function addWorktree(root: string, commit: string, folder: string): Promise<void> {
  const short = commit.slice(0, 8);
  if ((await git(root, 'cat-file', '-e', `${commit}^{commit}`)) === undefined) {
    throw new UserError(`this repository does not have the run's commit, ${short}: \`git fetch\` may bring it`);
  }
  for (const { path, what } of shared) {
    if ((await git(root, 'diff', '--quiet', commit, '--', path)) !== undefined) continue;
    throw new UserError(
      `at the run's commit, ${short}, the ${what} others than now (${path}): clone it elsewhere, set it up, and reproduce there`,
    );
  }
  if ((await git(root, 'worktree', 'add', '--detach', '--quiet', folder, commit)) === undefined) {
    throw new UserError(
      `git could not make a worktree of ${short} in ${folder}; \`git worktree list\` shows those that there are`,
      1,
    );
  }
  linkModules(root, folder);
}

/** Removes a worktree that `addWorktree` made, as far as it came. */
export async function removeWorktree(root: string, folder: string): Promise<void> {
  await git(root, 'worktree', 'remove', '--force', folder);
  await git(root, 'worktree', 'prune');
}

/** Packages of the workspace are the worktree's own, all others those that are installed. */
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
