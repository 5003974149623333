/** The folder of a package's data: `$HEADSHARE_DATA/<package>`, else `data/<package>` in the workspace. */
export function dataFolder(root: string, packageName: string): string;

export interface FingerprintOptions {
  /** Reads the contents of all files, however many there are; default false. */
  readonly verify?: boolean | undefined;
  /** Gets the number of bytes read so far, and of all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * A fingerprint of a package's data: names and contents of its files; of a large set (see `isSmall`), sizes, times and
 * inodes instead of contents, so that a hundred thousand files take a second. `embedded` if the folder does not exist.
 */
export function dataFingerprint(root: string, packageName: string, options?: FingerprintOptions): Promise<string>;
/** The fingerprint of any folder; undefined if it does not exist. */
export function folderFingerprint(folder: string, options?: FingerprintOptions): Promise<string | undefined>;
