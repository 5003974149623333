import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BackboneDefinition } from './backbone';
import type { HeadDefinition } from './head';

interface Named {
  readonly name: string;
}

/** Every file of the folder exports a list of definitions by default: a new file is all that a new one takes. */
function definitionsIn<T extends Named>(folder: string): ReadonlyMap<string, T> {
  const path = join(__dirname, folder);
  return new Map(
    readdirSync(path)
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .flatMap((file) => (require(join(path, file)) as { default: readonly T[] }).default)
      .map((definition) => [definition.name, definition]),
  );
}

// As people count: resnet8 before resnet20.
const sorted = (names: Iterable<string>): readonly string[] =>
  [...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));

const backbones = definitionsIn<BackboneDefinition>('backbones');
const heads = definitionsIn<HeadDefinition>('heads');

export const backboneNames = sorted(backbones.keys());
export const headNames = sorted(heads.keys());

function find<T>(definitions: ReadonlyMap<string, T>, kind: string, name: string): T {
  const found = definitions.get(name);
  if (!found) throw new Error(`There is no ${kind} named ${name}: ${[...definitions.keys()].join(', ')}.`);
  return found;
}

/** @throws Error when there is none of that name; command lines check names before. */
export const backboneNamed = (name: string): BackboneDefinition => find(backbones, 'backbone', name);

/** @throws Error when there is none of that name; command lines check names before. */
export const headNamed = (name: string): HeadDefinition => find(heads, 'head', name);
