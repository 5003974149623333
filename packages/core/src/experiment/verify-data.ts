import { makeProgress } from '../system/progress';
import type { FingerprintOptions } from './data-fingerprint.cjs';
import { flag } from './option';

/** The option `verifyData` of experiments that read data. The fingerprint is in the run key, so the option need not be. */
export const verifyDataOption = {
  ...flag({ help: 'notice changed data by the contents of all files, also of a large set' }),
  notInKey: true,
};

/**
 * Computes a fingerprint under an experiment's option values, with progress where all contents are read.
 * @param values also of an experiment without the option
 */
export async function withVerification<T>(
  values: Readonly<Record<string, unknown>>,
  fingerprint: (options: FingerprintOptions) => Promise<T>,
): Promise<T> {
  if (values.verifyData !== true) return fingerprint({});
  const progress = makeProgress('verify');
  const mebibytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  const onProgress = (done: number, total: number) =>
    progress.update({ done: mebibytes(done), total: mebibytes(total), unit: 'MiB', text: 'contents read' });
  try {
    return await fingerprint({ verify: true, onProgress });
  } finally {
    progress.clear();
  }
}
