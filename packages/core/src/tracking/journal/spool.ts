/**
 * Files as they were when they were logged, beside the journal until they have been sent: a checkpoint is replaced, and
 * what only a run's going on needed is removed, long before a server that was down is there again.
 *
 * They are hard links, which take no space and no time. A link shows what is written into its file in place: what runs
 * write they replace by renaming (`runtime/write-atomically.ts`), and a file whose content is no longer that of its
 * digest is not sent. Where a file system has no links, files are copied.
 */
import { createHash, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, realpathSync, rmdirSync, rmSync } from 'node:fs';
import { constants, copyFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { sha256 } from '../../system/sha256';
import type { LoggedFile } from './event';

/** `journal.jsonl` -> `journal.files`. */
const keptFolder = (journal: string): string => journal.replace(/(\.jsonl)?$/, '.files');

/**
 * Keeps a file as it is now: the link is there when this returns, its digest later. Rejects with the file system's error
 * when there is no such file or no room.
 */
export async function keepFile(journal: string, path: string): Promise<LoggedFile> {
  return kept(journal, relative(dirname(journal), path), async (place) => {
    if (!linked(path, place)) await inTurn(() => copyFile(path, place, constants.COPYFILE_FICLONE));
    return inTurn(() => sha256(place));
  });
}

/** The same of what is in no file. `name`: what it is called where it is sent to. */
export async function keepContent(journal: string, name: string, content: string): Promise<LoggedFile> {
  return kept(journal, name, async (place) => {
    await inTurn(() => writeFile(place, content));
    return createHash('sha256').update(content).digest('hex');
  });
}

/** @param fill puts the content into its place, and returns its digest; of one that fails nothing is left */
async function kept(journal: string, path: string, fill: (place: string) => Promise<string>): Promise<LoggedFile> {
  // Not by the digest, which is known only later; nor has one file of two lines to wait for both to be sent.
  const name = randomUUID();
  mkdirSync(keptFolder(journal), { recursive: true });
  const file = { path, kept: name };
  try {
    return { ...file, sha256: await fill(join(keptFolder(journal), name)) };
  } catch (error) {
    dropKept(journal, [file]);
    throw error;
  }
}

/** Where a logged file's content is now: with what was kept, or where it lay; undefined when it is gone. */
export async function contentOf(journal: string, file: LoggedFile): Promise<string | undefined> {
  for (const place of [join(keptFolder(journal), file.kept), resolve(dirname(journal), file.path)]) {
    try {
      if ((await sha256(place)) === file.sha256) return place;
    } catch (error) {
      if (!isUnreadable(error)) throw error;
    }
  }
  return undefined;
}

/** Lets go of files that have been sent. */
export function dropKept(journal: string, files: readonly Pick<LoggedFile, 'kept'>[]): void {
  if (files.length === 0) return;
  const folder = keptFolder(journal);
  for (const { kept } of files) rmSync(join(folder, kept), { force: true });
  try {
    rmdirSync(folder);
  } catch {
    // It holds more, or is gone.
  }
}

/** Removes what was kept for a line that a crash kept from being written. Only for the one who writes the journal. */
export function dropUnlogged(journal: string, logged: ReadonlySet<string>): void {
  let names: string[] = [];
  try {
    names = readdirSync(keptFolder(journal));
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'ENOENT') throw error;
  }
  for (const name of names) if (!logged.has(name)) rmSync(join(keptFolder(journal), name), { force: true });
}

/** False where the file system has no links between these places. */
function linked(path: string, place: string): boolean {
  // A link to a symbolic link would be another symbolic link.
  const file = realpathSync(path);
  try {
    linkSync(file, place);
    return true;
  } catch (error) {
    if (noLinks.has(String(Reflect.get(Object(error), 'code')))) return false;
    throw error;
  }
}

const noLinks = new Set(['EXDEV', 'EPERM', 'EACCES', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Whether a file is gone or not ours to read. The file system's errors name the call that failed. */
export const isUnreadable = (error: unknown): boolean =>
  typeof Reflect.get(Object(error), 'syscall') === 'string' && !passing.has(String(Reflect.get(Object(error), 'code')));

/** What a later attempt may not meet again: a process with too many open files, a full disk where a file goes to. */
const passing = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EBUSY', 'ENOSPC', 'EDQUOT']);

let turn: Promise<unknown> = Promise.resolve();

/** One after another: a folder may hold more files than a process can have open. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = turn.then(work);
  turn = done.catch(() => undefined);
  return done;
}
