import type { Body } from '../transport';

export interface ArtifactFile {
  /** Below the artifacts' root, with forward slashes. */
  path: string;
  is_dir: boolean;
  /** Bytes; absent for folders. */
  file_size?: number;
}

/** An owner of artifacts: `run.info`, `loggedModel.info`, or the address of a model version's files. */
export interface ArtifactOwner {
  artifact_uri: string;
}

export interface FileBody extends Body {
  /** The file with the same bytes, for a multipart upload. */
  readonly file: string;
}

/** The files below one artifact URI. Paths are relative to it, with forward slashes. */
export interface ArtifactStore {
  /** The files and folders directly in `folder`, by default the root; none if the folder does not exist. */
  list(folder?: string): Promise<ArtifactFile[]>;
  /** Throws RESOURCE_DOES_NOT_EXIST. */
  read(path: string): AsyncGenerator<Uint8Array, void, undefined>;
  write(path: string, body: FileBody): Promise<void>;
  /** Removes a file, or a folder with its content. */
  remove(path: string): Promise<void>;
}
