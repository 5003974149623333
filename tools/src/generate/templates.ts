/** The files that generators write, made from the templates in `files/<generator>/`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@headshare/core/system/user-error';
import type { Tree } from '@nx/devkit';
import fastGlob from 'fast-glob';
import type { Name } from './names';

/**
 * A generator's files by path. In paths and contents, `__name__` stands for a value of `names`, and `__key__` for `kebab`
 * as a property is written.
 */
export function render(
  generator: string,
  names: Name & { readonly package?: string },
): Readonly<Record<string, string>> {
  const root = join(__dirname, 'files', generator);
  const values: Readonly<Record<string, string>> = {
    ...names,
    key: names.kebab.includes('-') ? `'${names.kebab}'` : names.kebab,
  };
  const filled = (text: string) =>
    text.replace(/__(\w+?)__/g, (placeholder, name: string) => values[name] ?? placeholder);
  const files = fastGlob.sync('**/*.template', { cwd: root }).sort();
  return Object.fromEntries(
    files.map((file) => [filled(file.replace(/\.template$/, '')), filled(readFileSync(join(root, file), 'utf8'))]),
  );
}

/** Writes new files into a folder. @throws UserError if one exists already; then none is written */
export function writeNew(tree: Tree, folder: string, files: Readonly<Record<string, string>>): void {
  const existing = Object.keys(files).find((path) => tree.exists(join(folder, path)));
  if (existing)
    throw new UserError(`${join(folder, existing)} already exists; choose another name, or remove the file`);
  for (const [path, content] of Object.entries(files)) tree.write(join(folder, path), content);
}

/** Lines that Nx prints after it has written the files. */
export const nextSteps =
  (...lines: readonly string[]): (() => void) =>
  () => {
    console.log(`\n${lines.join('\n')}`);
  };
