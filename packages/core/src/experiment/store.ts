/**
 * The store of runs. A run is done when `runs/<package>/<experiment>/<key>/result.json` exists; nothing else decides
 * that. The key names the work: options, data, sources and device. In front of it stands Nx's cache, which skips the
 * process for an unchanged command; its output `artifacts/<package>/<experiment>` is a copy of the target's latest run,
 * and is copied back where `runs/` lacks that run.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import fastGlob from 'fast-glob';
import { isRecord } from '../system/is-record';
import { sha256 } from '../system/sha256';
import { writeAtomically } from '../system/write-atomically';
import { addressIn } from '../tracking/sync/sync-state';
import type { FinishedRun } from './define';

/** Everything that a run's result depends on. */
export interface RunIdentity {
  readonly experiment: string;
  /** Option values by experiment: its own, and those of its dependencies. */
  readonly options: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The fingerprint of the package's data. */
  readonly data: string;
  /** The digest of the sources that results come from. */
  readonly sources: string;
  /** The digest of the reporting sources, for runs that report others. */
  readonly reporting?: string;
  /** `cpu` or `gpu`: their kernels round differently. */
  readonly device: string;
  /** The digests of files, and fingerprints of folders, that options name, by path. */
  readonly files?: Readonly<Record<string, string>>;
}

const resultFile = 'result.json';

/** Files about the run itself; they stay in the run's folder. */
const ownFiles = /^(journal|tracking)\b|\.lock$|\.tmp$|\.partial$|\.log$/;

/** The name of a run's folder: 12 hexadecimal digits. */
export function runKey(identity: RunIdentity): string {
  return createHash('sha256').update(canonical(identity)).digest('hex').slice(0, 12);
}

/** The key that runs with different seeds share. */
export function familyKey(identity: RunIdentity): string {
  const options = Object.entries(identity.options).map(([name, { seed: _, ...others }]) => [name, others]);
  return runKey({ ...identity, options: Object.fromEntries(options) });
}

/** Core's sources for tracking, sweeps and reports: changes to them do not invalidate trainings. */
const reportingSources = 'src/{tracking,recipes/comparison,experiment/sweep}/**/*';

/** Core's sources for exports: changes to them do not invalidate trainings either. */
const exportSources = 'src/{delivery,export}/**/*';

/**
 * The digest of the sources that results come from: those of the package and of core, native code included, without
 * tests, and without the sources of reports and exports. @param core core's folder
 */
export async function sourcesDigest(
  root: string,
  packageName: string,
  core: string = join(__dirname, '../..'),
): Promise<string> {
  const [own, shared] = await Promise.all([
    digestFiles(join(root, 'packages', packageName), ['package.json', '{src,experiments}/**/*']),
    digestFiles(core, ['package.json', '{src,native}/**/*'], [reportingSources, exportSources]),
  ]);
  return createHash('sha256').update(own).update(shared).digest('hex').slice(0, 16);
}

/** The digest of the reporting sources that `sourcesDigest` leaves out. */
export async function reportingDigest(core: string = join(__dirname, '../..')): Promise<string> {
  return (await digestFiles(core, [reportingSources])).slice(0, 16);
}

/** The digest of the content of a file that an option names. */
export async function digestFile(path: string): Promise<string> {
  return (await sha256(path)).slice(0, 16);
}

async function digestFiles(
  folder: string,
  patterns: readonly string[],
  excluded: readonly string[] = [],
): Promise<string> {
  const ignore = ['**/*.test.ts', '**/fixtures/**', ...excluded];
  const files = await fastGlob([...patterns], { cwd: folder, ignore });
  const hash = createHash('sha256');
  for (const file of files.sort()) {
    hash.update(`${file}\0`);
    hash.update(await readFile(join(folder, file)));
    hash.update('\0');
  }
  return hash.digest('hex');
}

/** The finished run in a folder, with its page in MLflow; `undefined` if there is none, or its result is incomplete. */
export async function readFinished(folder: string): Promise<FinishedRun | undefined> {
  try {
    const parsed: unknown = JSON.parse(await readFile(join(folder, resultFile), 'utf8'));
    if (!isFinished(parsed)) return undefined;
    const address = addressIn(join(folder, 'journal.jsonl'));
    return { ...parsed, ...(address !== undefined && { address }) };
  } catch (error) {
    if (error instanceof SyntaxError || Reflect.get(Object(error), 'code') === 'ENOENT') return undefined;
    throw error;
  }
}

/** Marks a folder as a finished run: written once, last. */
export const writeFinished = (folder: string, run: Omit<FinishedRun, 'address'>): void =>
  writeJson(join(folder, resultFile), run);

export const writeJson = (path: string, value: unknown): void =>
  writeAtomically(path, [`${JSON.stringify(value, null, 2)}\n`]);

/**
 * Replaces `to` by a copy of the run in `from`, without mixing files of two runs; only the own files of an interrupted
 * run in `to` stay, which MLflow may lack. Files are hard links, or copies where the file system has no links.
 */
export async function copyRun(from: string, to: string): Promise<void> {
  const suffix = randomUUID().slice(0, 8);
  const fresh = `${to}.${suffix}.tmp`;
  const old = `${to}.${suffix}.old.tmp`;
  try {
    await linkTree(from, fresh, (path) => !ownFiles.test(path));
    if (existsSync(to)) await linkTree(to, fresh, (path) => ownFiles.test(path));
    await rename(to, old).catch((error: unknown) => {
      if (Reflect.get(Object(error), 'code') !== 'ENOENT') throw error;
    });
    await rename(fresh, to);
  } finally {
    await Promise.all([fresh, old].map((path) => rm(path, { recursive: true, force: true })));
  }
}

async function linkTree(from: string, to: string, isWanted: (path: string) => boolean): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    const source = join(entry.parentPath, entry.name);
    const path = relative(from, source);
    if (!entry.isFile() || !isWanted(path)) continue;
    const target = join(to, path);
    await mkdir(dirname(target), { recursive: true });
    await link(source, target).catch(() => copyFile(source, target));
  }
}

/** Whether a JSON value is the content of a `result.json`. */
export function isFinished(value: unknown): value is FinishedRun {
  return isRecord(value) && typeof value.key === 'string' && isRecord(value.result) && isRecord(value.result.metrics);
}

/** JSON with sorted keys, so that the order of declarations does not matter. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    isRecord(item) && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
