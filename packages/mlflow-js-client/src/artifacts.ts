import { createReadStream, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { type Connection, send, sendForJson } from './connection';
import { MlflowError } from './error';
import type { RunInfo } from './runs';

export interface ArtifactFile {
  /** Below the run's artifact folder, with forward slashes. */
  path: string;
  is_dir: boolean;
  /** Bytes; absent for folders. */
  file_size?: number;
}

/**
 * Uploads a file through the server (an artifact_uri that starts with mlflow-artifacts:), read as a stream.
 * `to` is its path below the run's artifact folder, file name included.
 * Throws MlflowError UNSUPPORTED_ARTIFACT_STORE when the server does not take artifacts itself (started with
 * --no-serve-artifacts), and the file system's own error when `file` cannot be read.
 */
export async function uploadArtifact(connection: Connection, run: RunInfo, file: string, to: string): Promise<void> {
  const { size } = statSync(file);
  await send(connection, {
    method: 'PUT',
    path: `${proxiedPath(run)}/${encodePath(to)}`,
    body: () => ({ stream: Readable.toWeb(createReadStream(file)) as ReadableStream, bytes: size }),
    repeatable: true,
    // An answer comes only when everything has arrived: allow for 1 MB/s.
    timeout: connection.timeout + Math.ceil(size / 1000),
  });
}

/** The files and folders directly in `path` (the run's artifact folder itself by default). */
export async function listArtifacts(connection: Connection, runId: string, path?: string): Promise<ArtifactFile[]> {
  const files: ArtifactFile[] = [];
  let pageToken: string | undefined;
  do {
    const page = await sendForJson<{ files?: ArtifactFile[]; next_page_token?: string }>(connection, {
      method: 'GET',
      path: '/api/2.0/mlflow/artifacts/list',
      query: { run_id: runId, path, page_token: pageToken },
    });
    for (const file of page.files ?? []) {
      // The server leaves the size of an empty file out.
      files.push(file.is_dir ? file : { ...file, file_size: Number(file.file_size ?? 0) });
    }
    pageToken = page.next_page_token;
  } while (pageToken);
  return files;
}

function proxiedPath(run: RunInfo): string {
  // mlflow-artifacts:/1/<run>/artifacts, or mlflow-artifacts://host:port/1/<run>/artifacts
  const match = /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.+)$/.exec(run.artifact_uri);
  if (!match?.[1]) {
    throw new MlflowError(
      `run ${run.run_id} keeps its artifacts at ${run.artifact_uri}, which the server does not pass on`,
      'UNSUPPORTED_ARTIFACT_STORE',
      0,
    );
  }
  return `/api/2.0/mlflow-artifacts/artifacts/${encodePath(match[1])}`;
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
