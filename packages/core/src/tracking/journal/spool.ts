/**
 * The spool, `journal.files` beside `journal.jsonl`: logged files as they were when they were logged, until they are
 * sent. Files are hard links where the file system allows it.
 */
import { createHash, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, realpathSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { constants, copyFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { sha256 } from '../../system/sha256';
import { errorCode } from '../../system/whole-file';
import type { LoggedFile } from './event';

const spoolOf = (journal: string): string => journal.replace(/(\.jsonl)?$/, '.files');

/**
 * Spools a file: the link exists when this returns, the digest is computed later.
 * @throws the file system's error if the file does not exist or the disk is full
 */
export async function spoolFile(journal: string, path: string): Promise<LoggedFile> {
  return spool(journal, relative(dirname(journal), path), async (place) => {
    if (!linked(path, place)) await inTurn(() => copyFile(path, place, constants.COPYFILE_FICLONE));
    return inTurn(() => sha256(place));
  });
}

/** Spools a text as a file. @param name the file's name on the server */
export async function spoolText(journal: string, name: string, text: string): Promise<LoggedFile> {
  return spool(journal, name, async (place) => {
    await inTurn(() => writeFile(place, text));
    return createHash('sha256').update(text).digest('hex');
  });
}

/** @param fill writes the spooled file and returns its digest; if it fails, nothing is left behind */
async function spool(journal: string, path: string, fill: (place: string) => Promise<string>): Promise<LoggedFile> {
  // A random name: the digest is not known yet, and two events may log the same file and be sent at different times.
  const file = { path, kept: randomUUID() };
  mkdirSync(spoolOf(journal), { recursive: true });
  try {
    return { ...file, sha256: await fill(join(spoolOf(journal), file.kept)) };
  } catch (error) {
    dropSpooled(journal, [file]);
    throw error;
  }
}

/** The path of a logged file's content: in the spool, or where it was logged if unchanged there; else undefined. */
export async function findContent(journal: string, file: LoggedFile): Promise<string | undefined> {
  for (const place of [join(spoolOf(journal), file.kept), resolve(dirname(journal), file.path)]) {
    try {
      if ((await sha256(place)) === file.sha256) return place;
    } catch (error) {
      if (!isUnreadable(error)) throw error;
    }
  }
  return undefined;
}

/** Removes files from the spool once they are sent. */
export function dropSpooled(journal: string, files: readonly Pick<LoggedFile, 'kept'>[]): void {
  if (files.length === 0) return;
  const folder = spoolOf(journal);
  for (const { kept } of files) rmSync(join(folder, kept), { force: true });
  try {
    rmdirSync(folder);
  } catch {
    // It is not empty, or already gone.
  }
}

/** Removes spooled files whose events a crash kept out of the journal. Only the journal's writer may call this. */
export function dropOrphans(journal: string, spooled: ReadonlySet<string>): void {
  let names: string[] = [];
  try {
    names = readdirSync(spoolOf(journal));
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
  for (const name of names) if (!spooled.has(name)) rmSync(join(spoolOf(journal), name), { force: true });
}

/** The files below a folder, each with its folder from there; a path that is no folder gives itself and ''. */
export function filesBelow(path: string): readonly (readonly [file: string, folder: string])[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [[path, '']];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => [
      join(entry.parentPath, entry.name),
      relative(dirname(path), entry.parentPath).split(sep).join('/'),
    ]);
}

/** Hard-links a file; false if the file system cannot. */
function linked(path: string, place: string): boolean {
  // Linking a symbolic link would only duplicate the symbolic link.
  const file = realpathSync(path);
  try {
    linkSync(file, place);
    return true;
  } catch (error) {
    if (cannotLink.has(errorCode(error))) return false;
    throw error;
  }
}

const cannotLink = new Set<string | undefined>([
  'EXDEV',
  'EPERM',
  'EACCES',
  'EMLINK',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
]);

/** Whether a file system error means that a file is gone or may not be read, not a temporary problem. */
export const isUnreadable = (error: unknown): boolean =>
  typeof Reflect.get(Object(error), 'syscall') === 'string' && !temporary.has(errorCode(error));

/** Errors that a later attempt may not meet: too many open files, no memory, a full disk. */
const temporary = new Set<string | undefined>(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EBUSY', 'ENOSPC', 'EDQUOT']);

let turn: Promise<unknown> = Promise.resolve();

/** Runs jobs one after another: a folder may hold more files than a process can have open. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = turn.then(work);
  turn = done.catch(() => undefined);
  return done;
}
