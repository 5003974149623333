import { dataFolder } from './data-fingerprint.cjs';

/** The default folder of a package's data: `$HEADSHARE_DATA/<package>`, else `data/<package>` in the workspace. */
export const defaultDataFolder = (packageName: string): string => dataFolder(process.cwd(), packageName);

// Other packages can import only TypeScript files.
export { dataFingerprint } from './data-fingerprint.cjs';
