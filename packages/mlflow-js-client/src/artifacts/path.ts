import { isAbsolute, join, relative, sep } from 'node:path';
import { MlflowError } from '../error';

/**
 * Returns an artifact's path if it stays below its root: names joined by forward slashes, none of them empty, `.` or
 * `..`. Throws MlflowError UNSAFE_PATH for all others, whether they come from a caller or a server.
 */
export function checkArtifactPath(path: string): string {
  const unsafe =
    path === '' ||
    // Backslashes and drive letters separate names on Windows.
    /[\\\0]|^[a-zA-Z]:/.test(path) ||
    path.split('/').some((name) => name === '' || name === '.' || name === '..');
  if (unsafe) throw new MlflowError(`"${path}" is not a path below the artifacts' folder`, 'UNSAFE_PATH', 0);
  return path;
}

/** An artifact's place in a local folder. Throws UNSAFE_PATH if it is outside. */
export function placeIn(folder: string, path: string): string {
  const place = join(folder, ...checkArtifactPath(path).split('/'));
  const way = relative(folder, place);
  if (way.split(sep)[0] === '..' || isAbsolute(way)) {
    throw new MlflowError(`"${path}" leaves ${folder}`, 'UNSAFE_PATH', 0);
  }
  return place;
}

/** Joins the parts that are not empty by forward slashes. */
export function joinPath(...parts: (string | undefined)[]): string {
  return parts.filter(Boolean).join('/');
}

/** Encodes a path for an address. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
