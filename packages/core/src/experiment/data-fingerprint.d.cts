/** Where a package's own data lies: `$HEADSHARE_DATA/<package>`, else `data/<package>` in the workspace. */
export function dataFolder(root: string, packageName: string): string;

/**
 * A fingerprint of a package's data: names, sizes and modification times of its files, not their contents, so that a
 * hundred thousand files take a second. `embedded` when there is no such folder.
 */
export function dataFingerprint(root: string, packageName: string): string;
export function folderFingerprint(folder: string): string | undefined;
