import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PackageDescription } from '@headshare/core/experiment/describe';
import fastGlob from 'fast-glob';

const describer = 'packages/core/src/experiment/describe.ts';

/**
 * Describes the experiments of packages, by package folder. Another process reads them, so that changed code, errors and
 * endless loops cannot disturb Nx; it takes half a second, and runs only if a source changed.
 */
export function describePackages(
  root: string,
  folders: readonly string[],
  cacheFile: string,
): Readonly<Record<string, PackageDescription>> {
  const hash = sourcesHash(root, folders);
  const cached = readCache(cacheFile);
  if (cached?.hash === hash) return cached.packages;
  const packages = readPackages(root, folders);
  writeCache(cacheFile, { hash, packages });
  return packages;
}

function readPackages(root: string, folders: readonly string[]): Record<string, PackageDescription> {
  if (folders.length === 0) return {};
  try {
    const printed = execFileSync(process.execPath, ['-r', './packages/core/register.cjs', describer, ...folders], {
      cwd: root,
      encoding: 'utf8',
      timeout: 60_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return JSON.parse(lastLine(printed));
  } catch (error) {
    // A file of one package may have ended the whole process: try each package alone.
    if (folders.length > 1) return Object.assign({}, ...folders.map((folder) => readPackages(root, [folder])));
    return Object.fromEntries(folders.map((folder) => [folder, allBroken(root, folder, error)]));
  }
}

function allBroken(root: string, folder: string, error: unknown): PackageDescription {
  const files = fastGlob.sync('experiments/*.ts', { cwd: join(root, folder), ignore: ['**/*.test.ts'] });
  const message = error instanceof Error ? error.message.split('\n')[0] : String(error);
  const names = files.sort().map((file) => file.slice('experiments/'.length, -'.ts'.length));
  const broken = names.map((name) => [name, `${folder}/experiments/ cannot be read: ${message}`]);
  return { experiments: {}, broken: Object.fromEntries(broken) };
}

/** The description is the last line: experiments may print when they are loaded. */
const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

/** A digest of all files that experiments may import. Times would change at every checkout. */
function sourcesHash(root: string, folders: readonly string[]): string {
  const patterns = ['packages/core/src/**/*.ts', ...folders.map((folder) => `${folder}/{src,experiments}/**/*.ts`)];
  const files = fastGlob.sync(patterns, { cwd: root, ignore: ['**/*.test.ts', '**/fixtures/**'] });
  const hash = createHash('sha256');
  for (const file of files.sort())
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}

interface Cache {
  readonly hash: string;
  readonly packages: Readonly<Record<string, PackageDescription>>;
}

function readCache(file: string): Cache | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function writeCache(file: string, cache: Cache): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.${process.pid}`, JSON.stringify(cache));
    renameSync(`${file}.${process.pid}`, file);
  } catch {
    // In a read-only workspace every call reads the experiments again.
  }
}
