import { readdirSync } from 'node:fs';

interface Named {
  readonly name: string;
  readonly aliases?: readonly string[];
}

/** Definitions found in files, by name and by alias. */
export interface Definitions<T> {
  /** Names and aliases, sorted as people count (resnet8 before resnet20). */
  readonly names: readonly string[];
  readonly all: readonly T[];
  /** @throws Error when there is none of that name; command lines check names before. */
  named(name: string): T;
}

/**
 * What the files of a folder export by default: a definition, or a list of them. A new file is all that a new one takes.
 * @param kind what they are, for errors: 'backbone'
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
