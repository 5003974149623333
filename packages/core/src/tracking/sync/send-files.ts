import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, posix, relative, resolve, sep } from 'node:path';
import { type ArtifactOwner, type Connection, MlflowError, uploadArtifact } from 'mlflow-js-client';
import type { EventOf, LoggedFile } from '../journal/event';
import { contentOf, isUnreadable } from '../journal/spool';
import { isRefusal } from './refusal';

/**
 * Uploads a file, or what a journal of before files were kept has of one. One that is gone or that the server does not
 * take is reported.
 * @returns what was not sent, a sentence each
 */
export function sendArtifact(
  server: Connection,
  owner: ArtifactOwner,
  journal: string,
  event: EventOf<'artifact'>,
): Promise<readonly string[]> {
  return 'sha256' in event
    ? sendFile(server, owner, journal, event, event.folder)
    : sendAsItIs(server, owner, dirname(journal), event);
}

/** Uploads a file as it was when it was logged, to a folder among its owner's artifacts. */
export async function sendFile(
  server: Connection,
  owner: ArtifactOwner,
  journal: string,
  file: LoggedFile,
  folder: string,
): Promise<readonly string[]> {
  const content = await contentOf(journal, file);
  if (content === undefined) return [`${file.path}: it was replaced or removed before it was sent`];
  return whatFailed(file.path, () => uploadArtifact(server, owner, content, posix.join(folder, basename(file.path))));
}

async function sendAsItIs(
  server: Connection,
  owner: ArtifactOwner,
  base: string,
  { path: from, folder }: { readonly path: string; readonly folder: string },
): Promise<readonly string[]> {
  const path = resolve(base, from);
  return whatFailed(from, async () => {
    for (const file of await filesOf(path)) {
      const name = relative(dirname(path), file).split(sep).join('/') || basename(file);
      await uploadArtifact(server, owner, file, posix.join(folder, name));
    }
  });
}

async function whatFailed(path: string, upload: () => Promise<void>): Promise<readonly string[]> {
  try {
    await upload();
    return [];
  } catch (error) {
    const untaken = error instanceof MlflowError && error.code === 'UNSUPPORTED_ARTIFACT_STORE';
    if (!isUnreadable(error) && !untaken && !isRefusal(error)) throw error;
    return [`${path}: ${Reflect.get(Object(error), 'message')}`];
  }
}

async function filesOf(path: string): Promise<string[]> {
  if (!statSync(path).isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
