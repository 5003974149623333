/** Checks of the names that generators are given. */
import { didYouMean } from '@headshare/core/system/did-you-mean';
import { UserError } from '@headshare/core/system/user-error';
import type { Tree } from '@nx/devkit';

/** A name as code writes it. */
export interface Name {
  /** `my-method` */
  readonly kebab: string;
  /** `myMethod` */
  readonly camel: string;
}

/** @throws UserError unless the name is lower case words with dashes. @param kind for the error: 'method' */
export function nameOf(text: string, kind: string): Name {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(text)) {
    const near = text
      .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^[-0-9]+|-+$/g, '');
    const hint = near === '' ? '' : `; write ${near}`;
    throw new UserError(
      `the name of a ${kind} consists of lower case words and digits, joined by dashes, not '${text}'${hint}`,
    );
  }
  return { kebab: text, camel: text.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()) };
}

/** @throws UserError for a name in `taken` */
export function requireFree(name: string, kind: string, taken: readonly string[]): void {
  if (taken.includes(name)) throw new UserError(`there is already a ${kind} called ${name}; choose another name`);
}

/** @throws UserError unless `packages/<name>/experiments` exists */
export function requirePackage(tree: Tree, name: string): void {
  const valid = tree.children('packages').filter((folder) => tree.exists(`packages/${folder}/experiments`));
  if (valid.includes(name)) return;
  throw new UserError(`no package '${name}' has experiments; ${didYouMean(name, valid)}`);
}
