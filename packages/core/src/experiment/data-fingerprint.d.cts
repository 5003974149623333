/** The folder of a package's data: `$HEADSHARE_DATA/<package>`, else `data/<package>` in the workspace. */
export function dataFolder(root: string, packageName: string): string;

/**
 * A fingerprint of a package's data: names, sizes and modification times of its files, not their contents, so that a
 * hundred thousand files take a second. `embedded` if the folder does not exist.
 */
export function dataFingerprint(root: string, packageName: string): string;
/** The fingerprint of any folder; undefined if it does not exist. */
export function folderFingerprint(folder: string): string | undefined;
