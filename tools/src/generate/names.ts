import { UserError } from '@headshare/core/system/user-error';
import type { Tree } from '@nx/devkit';
import { closest } from 'fastest-levenshtein';

/** A name in the ways that code writes it. */
export interface Name {
  /** `my-method` */
  readonly kebab: string;
  /** `myMethod` */
  readonly camel: string;
}

/** @throws UserError for a name that is not lower case words with dashes. @param kind what it names: 'method' */
export function nameOf(text: string, kind: string): Name {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(text)) {
    const near = text
      .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^[-0-9]+|-+$/g, '');
    const hint = near === '' ? '' : `; write ${near}`;
    throw new UserError(`a ${kind}'s name is lower case words and digits with dashes between, not '${text}'${hint}`);
  }
  return { kebab: text, camel: text.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()) };
}

/** @throws UserError for a name that is among `taken`. */
export function requireFree(name: string, kind: string, taken: readonly string[]): void {
  if (taken.includes(name)) throw new UserError(`there is a ${kind} called ${name} already; choose another name`);
}

/** Writes new files. @throws UserError where one is there already, before any is written */
export function writeNew(tree: Tree, files: Readonly<Record<string, string>>): void {
  for (const path of Object.keys(files)) {
    if (tree.exists(path)) throw new UserError(`${path} is there already; choose another name, or remove it`);
  }
  for (const [path, content] of Object.entries(files)) tree.write(path, content);
}

/** The packages that hold experiments. */
const packagesIn = (tree: Tree): readonly string[] =>
  tree.children('packages').filter((name) => tree.exists(`packages/${name}/experiments`));

/** @throws UserError for a folder of `packages/` without experiments, or none. */
export function requirePackage(tree: Tree, name: string): void {
  const valid = packagesIn(tree);
  if (valid.includes(name)) return;
  throw new UserError(
    `no package '${name}' has experiments; did you mean '${closest(name, valid)}'? (valid: ${valid.join(', ')})`,
  );
}

/** What Nx prints once the files are written. */
export const nextSteps =
  (...lines: readonly string[]): (() => void) =>
  () => {
    console.log(`\n${lines.join('\n')}`);
  };
