import { UserError } from '../system/user-error';
import { dataFolder } from './data-fingerprint.cjs';

/** The default folder of a package's data: `$HEADSHARE_DATA/<package>`, else `data/<package>` in the workspace. */
export const defaultDataFolder = (packageName: string): string => dataFolder(process.cwd(), packageName);

/** @throws UserError for a --data that a synthetic data set would ignore */
export function refuseUnusedData({
  dataset,
  data,
}: {
  readonly dataset: string;
  readonly data?: string | undefined;
}): void {
  if (data === undefined) return;
  throw new UserError(
    `--data=${data} has no effect with the synthetic --dataset=${dataset}: name the data set too, such as --dataset=folder (see --help)`,
  );
}

// Other packages can import only TypeScript files.
export { dataFingerprint } from './data-fingerprint.cjs';
