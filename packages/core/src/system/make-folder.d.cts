/**
 * Makes a folder and its parents. Node's own recursive mkdir never returns below /proc, and reports ENOENT for a
 * read-only file system.
 * @throws the file system's error
 */
export function makeFolder(folder: string): void;
