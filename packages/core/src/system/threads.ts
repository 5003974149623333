import { decimal } from './decimal';
import { UserError } from './user-error';

/**
 * The threads that HEADSHARE_THREADS sets for each operation; undefined without it.
 * @throws UserError for a value that is no number of threads
 */
export function wantedThreads(environment: NodeJS.ProcessEnv = process.env): number | undefined {
  const text = environment.HEADSHARE_THREADS;
  if (text === undefined || text === '') return undefined;
  const count = decimal(text) ?? Number.NaN;
  if (Number.isInteger(count) && count >= 1 && count <= 4096) return count;
  throw new UserError(`HEADSHARE_THREADS must be a whole number from 1 to 4096, got '${text}'.`);
}
