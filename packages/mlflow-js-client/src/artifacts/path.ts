import { isAbsolute, join, relative, sep } from 'node:path';
import { MlflowError } from '../error';

/**
 * An artifact's path, as it is when it stays below its root: names joined by forward slashes, none of them empty, `.`
 * or `..`. Throws MlflowError UNSAFE_PATH otherwise, whether a caller or a server named it.
 */
export function checkArtifactPath(path: string): string {
  const unsafe =
    path === '' ||
    // A backslash separates names on Windows, and so does a colon.
    /[\\\0]|^[a-zA-Z]:/.test(path) ||
    path.split('/').some((name) => name === '' || name === '.' || name === '..');
  if (unsafe) throw new MlflowError(`"${path}" is not a path below the artifacts' folder`, 'UNSAFE_PATH', 0);
  return path;
}

/** Where an artifact goes in a local folder. Throws UNSAFE_PATH when that would be outside. */
export function placeIn(folder: string, path: string): string {
  const place = join(folder, ...checkArtifactPath(path).split('/'));
  const way = relative(folder, place);
  if (way.split(sep)[0] === '..' || isAbsolute(way)) {
    throw new MlflowError(`"${path}" leaves ${folder}`, 'UNSAFE_PATH', 0);
  }
  return place;
}

export function joinPath(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join('/');
}

/** For an address. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
