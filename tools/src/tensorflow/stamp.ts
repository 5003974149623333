import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from '@headshare/core/system/write-atomically';
import { addons, compileFlags, type Sources } from './compile';
import { type Platform, wheelsOf } from './platforms';

/** `libraries.json`: the unpacked files. It is written before their folder gets its final name. */
export interface LibrariesStamp {
  readonly wheels: readonly string[];
  /** Sizes in bytes by path. */
  readonly files: Readonly<Record<string, number>>;
}

/** `provisioned.json`: everything that the addon was built from. It is written last, once the addon has trained. */
export interface AddonStamp {
  readonly wheels: readonly string[];
  readonly compiler: string;
  readonly flags: readonly string[];
  readonly cpu: string;
  readonly sources: string;
}

export const stampFiles = { libraries: 'libraries.json', addon: 'provisioned.json' } as const;

/** The pinned wheels of a platform, a string each. */
export function wheelDigests(platform: Platform): string[] {
  return wheelsOf(platform).map(({ name, version, sha256 }) => `${name}==${version} sha256:${sha256}`);
}

export function addonStamp(platform: Platform, compiler: string, cpu: string, sources: Sources): AddonStamp {
  return {
    wheels: wheelDigests(platform),
    compiler,
    flags: compileFlags(platform),
    cpu,
    sources: digestOf([
      ...Object.values(addons).map(({ folder }) => join(sources.native, folder)),
      join(sources.tfjsNode, 'binding'),
      sources.nodeHeaders,
    ]),
  };
}

function digestOf(folders: readonly string[]): string {
  const hash = createHash('sha256');
  for (const folder of folders) {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name);
      if (!/\.(cc|h)$/.test(name)) continue;
      const content = readFileSync(path);
      hash.update(`${name}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex');
}

/** Reads a stamp; undefined if it is missing or damaged. */
export function readStamp<Stamp>(folder: string, name: string): Stamp | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, name), 'utf8')) as Stamp;
  } catch {
    return undefined;
  }
}

/** Writes a stamp atomically; it survives a power cut. */
export function writeStamp(folder: string, name: string, stamp: LibrariesStamp | AddonStamp): void {
  writeAtomically(join(folder, name), [`${JSON.stringify(stamp, null, 2)}\n`]);
}

export function sameStamp(one: AddonStamp | undefined, other: AddonStamp): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Whether the folder holds every file of these wheels, each at its size. */
export function hasLibraries(folder: string, wheels: readonly string[]): boolean {
  const stamp = readStamp<LibrariesStamp>(folder, stampFiles.libraries);
  if (JSON.stringify(stamp?.wheels) !== JSON.stringify(wheels)) return false;
  return Object.entries(stamp?.files ?? {}).every(
    ([path, bytes]) => statSync(join(folder, path), { throwIfNoEntry: false })?.size === bytes,
  );
}
