import { basename, dirname, posix, resolve } from 'node:path';
import { type ArtifactOwner, type Connection, MlflowError, uploadArtifact } from 'mlflow-js-client';
import type { EventOf, LoggedFile } from '../journal/event';
import { filesBelow, findContent, isUnreadable } from '../journal/spool';
import { isRefusal } from './server-run';

/** Uploads an artifact. @returns a sentence for each file that is gone or refused for good */
export function sendArtifact(
  server: Connection,
  owner: ArtifactOwner,
  journal: string,
  event: EventOf<'artifact'>,
): Promise<readonly string[]> {
  if ('sha256' in event) return sendFile(server, owner, journal, event, event.folder);
  // An event without a digest names a file or folder by path alone.
  const path = resolve(dirname(journal), event.path);
  return refusalOf(event.path, async () => {
    for (const [file, folder] of filesBelow(path)) {
      await uploadArtifact(server, owner, file, posix.join(event.folder, folder, basename(file)));
    }
  });
}

/** Uploads a file with its content at logging, to a folder among the owner's artifacts. @returns as `sendArtifact` */
export async function sendFile(
  server: Connection,
  owner: ArtifactOwner,
  journal: string,
  file: LoggedFile,
  folder: string,
): Promise<readonly string[]> {
  const content = await findContent(journal, file);
  if (content === undefined) return [`${file.path}: it was replaced or removed before it was sent`];
  return refusalOf(file.path, () => uploadArtifact(server, owner, content, posix.join(folder, basename(file.path))));
}

/** Runs an upload; turns an error that will not go away into a sentence and throws all others. */
async function refusalOf(path: string, upload: () => Promise<void>): Promise<readonly string[]> {
  try {
    await upload();
    return [];
  } catch (error) {
    const hasNoStore = error instanceof MlflowError && error.code === 'UNSUPPORTED_ARTIFACT_STORE';
    if (!isUnreadable(error) && !hasNoStore && !isRefusal(error)) throw error;
    return [`${path}: ${Reflect.get(Object(error), 'message')}`];
  }
}
