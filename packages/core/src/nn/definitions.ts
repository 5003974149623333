import { readdirSync } from 'node:fs';

interface Named {
  readonly name: string;
  readonly aliases?: readonly string[];
}

/** The definitions of a folder, by name and alias. */
export interface Definitions<T> {
  /** Names and aliases, in numeric order (resnet8 before resnet20). */
  readonly names: readonly string[];
  readonly all: readonly T[];
  /** @throws Error for an unknown name; command lines check names before. */
  named(name: string): T;
}

/**
 * Reads the default exports of a folder's files, each a definition or a list of definitions. To add one, add a file.
 * @param kind names the definitions in errors: 'backbone'
 */
export function definitionsIn<T extends Named>(folder: string, kind: string): Definitions<T> {
  const all = readdirSync(folder)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) => (require(`${folder}/${file}`) as { default: T | readonly T[] }).default);
  const entries = all.flatMap((one) => [one.name, ...(one.aliases ?? [])].map((name) => [name, one] as const));
  const byName = new Map(entries);
  const twice = entries.find(([name, one]) => byName.get(name) !== one);
  if (twice) throw new Error(`Two ${kind}s in ${folder} are called ${twice[0]}; a name or alias belongs to one.`);
  const names = [...byName.keys()].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return {
    names,
    all,
    named(name) {
      const found = byName.get(name);
      if (!found) throw new Error(`There is no ${kind} named ${name}: ${names.join(', ')}.`);
      return found;
    },
  };
}
