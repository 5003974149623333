import { dataFolder } from './data-fingerprint.cjs';

/** Where a package's data lies by default: its folder in `HEADSHARE_DATA`, else in the workspace's `data/`. */
export const defaultDataFolder = (packageName: string): string => dataFolder(process.cwd(), packageName);

// Packages import TypeScript from one another.
export { dataFingerprint } from './data-fingerprint.cjs';
