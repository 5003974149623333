import type { Connection } from '../connection';
import { MlflowError } from '../error';
import type { Body } from '../transport';
import { fileStore } from './file-store';
import { proxiedStore } from './proxied-store';

export interface ArtifactFile {
  /** Below the artifacts' root, with forward slashes. */
  path: string;
  is_dir: boolean;
  /** Bytes; absent for folders. */
  file_size?: number;
}

/** Whatever has artifacts: `run.info`, `loggedModel.info`, or the address of a model version's files. */
export interface ArtifactOwner {
  artifact_uri: string;
}

export interface FileBody extends Body {
  /** The same bytes as a file, for what is sent in parts. */
  readonly file: string;
}

/** The files below one artifact URI. Paths are below it, with forward slashes. */
export interface ArtifactStore {
  /** What is directly in `folder`; the root by default. Nothing for a folder that does not exist. */
  list(folder?: string): Promise<ArtifactFile[]>;
  /** Throws RESOURCE_DOES_NOT_EXIST. */
  read(path: string): AsyncGenerator<Uint8Array, void, undefined>;
  write(path: string, body: FileBody): Promise<void>;
  /** A file, or a folder with all that is in it. */
  remove(path: string): Promise<void>;
}

/**
 * Chooses by the address: files that the server passes on (mlflow-artifacts:, or http below the server's own address),
 * or a folder of this machine (file:, or a plain path).
 * Throws MlflowError UNSUPPORTED_ARTIFACT_STORE for others, and for a folder on the machine of a server elsewhere.
 */
export function artifactsAt(connection: Connection, { artifact_uri: uri }: ArtifactOwner): ArtifactStore {
  const store = proxiedStore(connection, uri) ?? fileStore(connection, uri);
  if (store) return store;
  throw new MlflowError(
    `the artifacts are kept at ${uri}, which the server does not pass on and this machine does not have`,
    'UNSUPPORTED_ARTIFACT_STORE',
    0,
  );
}
