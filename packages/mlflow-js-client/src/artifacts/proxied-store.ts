import { type Connection, withoutCredentials } from '../connection';
import { MlflowError } from '../error';
import { sendForJson } from '../send';
import { sendForStream } from '../stream';
import { uploadInParts } from './multipart';
import { checkArtifactPath, encodePath, joinPath } from './path';
import type { ArtifactFile, ArtifactStore } from './store';

const artifacts = '/api/2.0/mlflow-artifacts/artifacts';

/** A store that the server passes files on to. Undefined if `uri` is not an address of this kind. */
export function proxiedStore(connection: Connection, uri: string): ArtifactStore | undefined {
  const proxy = proxyOf(connection, uri);
  if (!proxy) return undefined;
  const { server, root } = proxy;
  const below = (path: string): string => `${artifacts}/${encodePath(joinPath(root, checkName(path)))}`;
  return {
    list: async (folder) => {
      const path = joinPath(root, folder === undefined ? undefined : checkName(folder));
      const query = { path: path || undefined };
      const answer = await sendForJson<{ files?: ArtifactFile[] }>(server, { method: 'GET', path: artifacts, query });
      // This endpoint returns names, not paths.
      return (answer.files ?? []).map((file) => readFile({ ...file, path: joinPath(folder, file.path) }));
    },
    read: (path) => sendForStream(server, { method: 'GET', path: below(path) }),
    write: async (path, body) => {
      const address = below(path);
      if (await uploadInParts(server, joinPath(root, path), body)) return;
      // In JSON: another server's page with 200 has stored nothing.
      await sendForJson(server, { method: 'PUT', path: address, body, repeatable: true });
    },
    remove: async (path) => {
      await sendForJson(server, { method: 'DELETE', path: below(path) });
    },
  };
}

/** A listed file in this client's form. Checks its path: anyone who may write to the store can choose it. */
export function readFile(file: ArtifactFile): ArtifactFile {
  checkArtifactPath(file.path);
  // The server omits a size of 0.
  return file.is_dir ? file : { ...file, file_size: Number(file.file_size ?? 0) };
}

/** Refuses names that MLflow's server cannot store: it decodes a name twice and does not accept #. */
function checkName(path: string): string {
  if (/#|%[0-9a-fA-F]{2}/.test(path)) {
    throw new MlflowError(`"${path}": MLflow's server does not keep names with # or %41`, 'UNSAFE_PATH', 0);
  }
  return checkArtifactPath(path);
}

/** The server that serves an artifact URI, and the path there. */
function proxyOf(connection: Connection, uri: string): { server: Connection; root: string } | undefined {
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
  // Whoever may create an experiment chooses this host.
  return { server: withoutCredentials(connection, `${protocol}//${elsewhere}`), root: path };
}
