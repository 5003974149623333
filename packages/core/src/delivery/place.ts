/** Writes an exported model beside its target, and puts it in place when it has passed its check. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isAlive } from '../system/lock';
import { UserError } from '../system/user-error';
import { writeAtomically } from '../system/write-atomically';
import type { ModelFile } from './format';

/** Writes the files of a model, over those of the time before. @returns the model's path */
export type Save = (files: readonly ModelFile[]) => string;

/**
 * Calls `make` with what writes a model into a new folder beside `target`, and then moves the model to `target`. Whatever fails, nothing is left behind, and what was at `target` stays.
 * @param isFolder whether the model is a folder; else one of its files is called like the target
 * @throws UserError for a full disk, a missing folder, and what `make` throws
 */
export async function writeAndPlace(
  target: string,
  isFolder: boolean,
  make: (save: Save) => Promise<void>,
): Promise<readonly string[]> {
  const parent = dirname(target);
  if (!existsSync(parent)) throw new UserError(`--to: the folder ${parent} does not exist`);
  const temporary = join(parent, `.${basename(target)}.${process.pid}.partial`);
  removeStale(target);
  makeFolder(temporary);
  const release = removeWhenStopped(temporary);
  let paths: readonly string[] = [];
  try {
    await make((files) => {
      for (const { path, parts } of files) {
        const file = join(temporary, path);
        mkdirSync(dirname(file), { recursive: true });
        writeAtomically(file, parts);
      }
      paths = files.map(({ path }) => path);
      return isFolder ? temporary : join(temporary, basename(target));
    });
    if (isFolder) replaceFolder(temporary, target);
    else for (const path of paths) renameSync(join(temporary, path), join(parent, path));
    return paths.map((path) => join(isFolder ? target : parent, path));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // The user knows the target alone.
    const place = isFolder ? target : parent;
    throw new UserError(error.message.replaceAll(temporary, place), error.exitCode);
  } finally {
    release();
    rmSync(temporary, { recursive: true, force: true });
  }
}

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Ctrl-C and the like remove the folder before they end this process. @returns what stops listening */
function removeWhenStopped(temporary: string): () => void {
  const listeners = Object.entries(exitCodes).map(([signal, code]) => {
    const stop = () => {
      rmSync(temporary, { recursive: true, force: true });
      process.exit(code);
    };
    process.once(signal, stop);
    return () => process.off(signal, stop);
  });
  return () => {
    for (const release of listeners) release();
  };
}

/** Removes what killed processes left of exports to this target. */
function removeStale(target: string): void {
  const parent = dirname(target);
  const prefix = `.${basename(target)}.`;
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(prefix)) continue;
    const [, id] = /^(\d+)\.partial$/.exec(name.slice(prefix.length)) ?? [];
    if (id === undefined || isAlive(Number(id))) continue;
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {
      // Another user's, perhaps: this export does not need the room.
    }
  }
}

function replaceFolder(made: string, target: string): void {
  const old = `${made}.old`;
  if (existsSync(target)) renameSync(target, old);
  renameSync(made, target);
  rmSync(old, { recursive: true, force: true });
}

/** Makes the folder anew. @throws UserError where it cannot be written */
function makeFolder(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
  } catch (error) {
    const code: unknown = Reflect.get(Object(error), 'code');
    throw new UserError(`--to: the folder ${dirname(path)} cannot be written to (${code})`, 1);
  }
}
