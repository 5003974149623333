import { MlflowError } from 'mlflow-js-client';
import type { Destination } from './destination';
import { existingRun } from './server-run';
import { forgetSent, readSent } from './sync-state';

/**
 * Forgets that a journal was sent where its server has the run no more, as after a server's data were lost: all of it is
 * sent again then. A run in MLflow's bin is one that somebody put there.
 * @returns whether it was forgotten
 * @throws UserError and MlflowError where the server cannot be asked
 */
export async function forgetLostRun(journal: string, destination: Destination, signal: AbortSignal): Promise<boolean> {
  const sent = readSent(journal, destination.name);
  if (sent === undefined) return false;
  const server = await destination.connect(signal);
  try {
    if (await existingRun(server, sent.runId)) return false;
  } catch (error) {
    if (error instanceof MlflowError && error.code === 'RUN_DELETED') return false;
    throw error;
  }
  forgetSent(journal);
  return true;
}
