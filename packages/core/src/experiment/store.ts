import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import fastGlob from 'fast-glob';
import { sha256 } from '../system/sha256';
import { addressIn } from '../tracking/sync/sync-state';
import type { StageResult } from './define';

/** A finished run. `result.json` keeps it. */
export interface FinishedRun {
  readonly key: string;
  readonly experiment: string;
  readonly seconds: number;
  /** Where the run can be looked at; not in `result.json`, which is among what is sent there. */
  readonly address?: string;
  /** SHA-256 of the result's files by name; absent in runs of before they were kept, as `stages` is. */
  readonly digests?: Readonly<Record<string, string>>;
  /** The runs of other experiments that it asked for, in that order. */
  readonly stages?: readonly UsedStage[];
  readonly result: StageResult;
}

/** A stage that a run read, and what its files were. */
export interface UsedStage {
  readonly experiment: string;
  readonly key: string;
  readonly digests: Readonly<Record<string, string>>;
}

/** What a run's result depends on. */
export interface RunIdentity {
  readonly experiment: string;
  /** Resolved options by experiment: its own, and those of all it needs or uses. */
  readonly options: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The data's fingerprint. */
  readonly data: string;
  /** The digest of the sources that results come from. */
  readonly sources: string;
  /** The digest of those that only report them; absent where a run reports no others. */
  readonly reporting?: string;
  /** `cpu` or `gpu`: their kernels round differently. */
  readonly device: string;
  /** The digests of files, and fingerprints of folders, that options name, by path. */
  readonly files?: Readonly<Record<string, string>>;
}

const resultFile = 'result.json';

/** Files of a run that are about the run itself and not its result; they stay in the run's folder. */
const ownFiles = /^(journal|tracking)\b|\.lock$|\.tmp$|\.log$/;

/** The name of a run's folder: 12 hexadecimal digits that only the same work has. */
export function runKey(identity: RunIdentity): string {
  return createHash('sha256').update(canonical(identity)).digest('hex').slice(0, 12);
}

/** The same for runs that differ in the seed alone, whichever stage's it is. */
export function familyKey(identity: RunIdentity): string {
  const options = Object.entries(identity.options).map(([name, { seed: _, ...others }]) => [name, others]);
  return runKey({ ...identity, options: Object.fromEntries(options) });
}

/** Sources of core's that only keep, arrange and show what training has made: no training is stale for theirs. */
const reportingSources = 'src/{tracking,recipes/comparison,experiment/sweep}/**/*';

/**
 * The digest of all that the results of a package's experiments come from: its own sources, core's, and the native
 * ones. Tests, and what only reports, aside.
 * @param core core's folder: the one that this file is in, unless told otherwise
 */
export async function sourcesDigest(
  root: string,
  packageName: string,
  core: string = join(__dirname, '../..'),
): Promise<string> {
  const [own, shared] = await Promise.all([
    digestFiles(join(root, 'packages', packageName), ['package.json', '{src,experiments}/**/*']),
    digestFiles(core, ['package.json', '{src,native}/**/*'], [reportingSources]),
  ]);
  return createHash('sha256').update(own).update(shared).digest('hex').slice(0, 16);
}

/** The digest of what `sourcesDigest` leaves aside but for tests, which an experiment that `reports` depends on too. */
export async function reportingDigest(core: string = join(__dirname, '../..')): Promise<string> {
  return (await digestFiles(core, [reportingSources])).slice(0, 16);
}

/** The digest of a file's content, as options that name one are known by. */
export async function digestFile(path: string): Promise<string> {
  return (await sha256(path)).slice(0, 16);
}

async function digestFiles(
  folder: string,
  patterns: readonly string[],
  aside: readonly string[] = [],
): Promise<string> {
  const ignore = ['**/*.test.ts', '**/fixtures/**', ...aside];
  const files = await fastGlob([...patterns], { cwd: folder, ignore });
  const hash = createHash('sha256');
  for (const file of files.sort())
    hash
      .update(`${file}\0`)
      .update(await readFile(join(folder, file)))
      .update('\0');
  return hash.digest('hex');
}

/** The finished run in a folder, and where it can be looked at; `undefined` when there is none, or one cut short. */
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

/** Marks a folder as a finished run. Written last, once, and whole or not at all. */
export async function writeFinished(folder: string, run: Omit<FinishedRun, 'address'>): Promise<void> {
  await writeJson(join(folder, resultFile), run);
}

/** Writes JSON so that a reader, or a power cut, finds the old file or the new one, never half of one. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(`${JSON.stringify(value, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/**
 * Makes `to` hold a copy of the run in `from`: hard links, so that a checkpoint takes its space once, and copies where
 * the file system has no links. `to` is swapped as a whole: it never holds files of two runs, but for what an
 * interrupted one has told of itself and may not have sent yet.
 */
export async function copyRun(from: string, to: string): Promise<void> {
  const suffix = randomUUID().slice(0, 8);
  const fresh = `${to}.${suffix}.tmp`;
  const old = `${to}.${suffix}.old.tmp`;
  try {
    await linkTree(from, fresh, (path) => !ownFiles.test(path));
    if (existsSync(to)) await linkTree(to, fresh, (path) => ownFiles.test(path));
    await rename(to, old).catch(ignoreMissing);
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

/** Whether a JSON value is what `result.json` holds. */
export function isFinished(value: unknown): value is FinishedRun {
  return isRecord(value) && typeof value.key === 'string' && isRecord(value.result) && isRecord(value.result.metrics);
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** JSON with sorted keys: the order in which options are declared changes nothing. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

function ignoreMissing(error: unknown): void {
  if (Reflect.get(Object(error), 'code') !== 'ENOENT') throw error;
}
