import { type Connection, connect } from '../connection';
import { MlflowError } from '../error';
import { send, sendForJson } from '../send';
import { sendForStream } from '../stream';
import { uploadInParts } from './multipart';
import { checkArtifactPath, encodePath, joinPath } from './path';
import type { ArtifactFile, ArtifactStore } from './store';

const artifacts = '/api/2.0/mlflow-artifacts/artifacts';

/** Files that the server passes on to its own store. Undefined when `uri` is not such an address. */
export function proxiedStore(connection: Connection, uri: string): ArtifactStore | undefined {
  const place = placeOf(connection, uri);
  if (!place) return undefined;
  const { server, root } = place;
  const below = (path: string): string => `${artifacts}/${encodePath(joinPath(root, checkName(path)))}`;
  return {
    list: async (folder) => {
      const path = joinPath(root, folder === undefined ? undefined : checkName(folder));
      const query = { path: path || undefined };
      const answer = await sendForJson<{ files?: ArtifactFile[] }>(server, { method: 'GET', path: artifacts, query });
      // Here the server names each by its last part.
      return (answer.files ?? []).map((file) => readFile({ ...file, path: joinPath(folder, file.path) }));
    },
    read: (path) => sendForStream(server, { method: 'GET', path: below(path) }),
    write: async (path, body) => {
      const address = below(path);
      if (await uploadInParts(server, joinPath(root, path), body)) return;
      await send(server, { method: 'PUT', path: address, body, repeatable: true });
    },
    remove: async (path) => {
      await send(server, { method: 'DELETE', path: below(path) });
    },
  };
}

/** A file as this client hands it on; its path may come from anyone who may write to the store. */
export function readFile(file: ArtifactFile): ArtifactFile {
  checkArtifactPath(file.path);
  // The server leaves the size of an empty file out.
  return file.is_dir ? file : { ...file, file_size: Number(file.file_size ?? 0) };
}

/** MLflow's server decodes a name once more than HTTP does, and takes no #. */
function checkName(path: string): string {
  if (/#|%[0-9a-fA-F]{2}/.test(path)) {
    throw new MlflowError(`"${path}": MLflow's server does not keep names with # or %41`, 'UNSAFE_PATH', 0);
  }
  return checkArtifactPath(path);
}

/** The server that passes an address on, and the path there. */
function placeOf(connection: Connection, uri: string): { server: Connection; root: string } | undefined {
  // Below the server's own address.
  const own = `${connection.uri}${artifacts}`;
  if (uri === own || uri.startsWith(`${own}/`)) {
    return { server: connection, root: decodeURIComponent(uri.slice(own.length + 1)) };
  }
  // mlflow-artifacts:/1/<run>/artifacts, or mlflow-artifacts://host:port/1/<run>/artifacts
  const match = /^mlflow-artifacts:(?:\/\/([^/]*))?\/?(.*)$/.exec(uri);
  if (!match) return undefined;
  const { protocol, host } = new URL(connection.uri);
  const [, elsewhere, root = ''] = match;
  const path = root.replace(/^\/+|\/+$/g, '');
  if (!elsewhere || elsewhere === host) return { server: connection, root: path };
  // Whoever may make an experiment chooses this host: it gets none of the credentials.
  const { timeout, retries, retryDelay, longestDelay, signal } = connection;
  const server = connect(`${protocol}//${elsewhere}`, { timeout, retries, retryDelay, longestDelay, signal });
  return { server, root: path };
}
